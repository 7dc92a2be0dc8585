"""Replies that a link takes in without waiting for its turn of the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from services.local_stack.redis_server import RedisServer
from services.runtime.redis_client import connect
from services.runtime.redis_link import Link
from tests.runtime.test_redis_link import Heard

PATIENCE_S = 5.0


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[Link]:
    redis = cast("Redis", connect(server.url, timeout_s=2))
    link = Link(redis.connection_pool.make_connection, 2.0, lambda: None)
    await link.connect()
    yield link
    await link.close()
    await redis.aclose()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def hear_until(link: Link, heard: Heard, count: int) -> None:
    """In the midst of this turn: nothing is awaited."""
    give_up_s = time.monotonic() + PATIENCE_S
    while len(heard.all) < count and time.monotonic() < give_up_s:
        link.hear()


async def test_replies_are_heard_in_the_midst_of_a_turn_and_none_twice(link: Link) -> None:
    heard, later = Heard(), Heard()
    for _ in range(3):
        link.ask(b"a", heard)
    link.flush()
    hear_until(link, heard, 3)
    assert heard.all == [None] * 3
    link.ask(b"b", later)
    link.flush()
    assert await later.count(1) == [None]
    assert heard.all == [None] * 3


async def test_where_nothing_is_there_nothing_is_heard(link: Link) -> None:
    heard = Heard()
    link.hear()
    link.ask(b"a", heard)
    link.hear()  # it has not left yet
    assert heard.all == []
    link.flush()
    assert await heard.count(1) == [None]


async def test_a_server_that_has_gone_is_found_out_all_the_same(link: Link, server: RedisServer) -> None:
    heard = Heard()
    server.stop()
    link.ask(b"a", heard)
    link.flush()
    for _ in range(3):
        link.hear()
    assert await heard.count(1) == ["missed"]
    link.hear()
    server.start()
    link.ask(b"a", heard)
    link.flush()
    assert (await heard.count(2))[1] is None


async def test_no_connection_leaves_a_file_open(server: RedisServer) -> None:
    redis = cast("Redis", connect(server.url, timeout_s=2))
    before = open_files()
    for _ in range(3):
        link = Link(redis.connection_pool.make_connection, 2.0, lambda: None)
        await link.connect()
        heard = Heard()
        link.ask(b"a", heard)
        link.flush()
        await heard.count(1)
        await link.close()
        await asyncio.sleep(0)  # it is the loop that closes the transport's own
        assert open_files() == before
    await redis.aclose()
