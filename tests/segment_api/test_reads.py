"""Reads with a deadline, and a bound for each server."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from redis.exceptions import ConnectionError as RedisGone

from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import Values, connect
from services.segment_api.reads import IN_VAIN, PROBE_EVERY_S, BoundedReads

NOBODY = "unix:///nobody.sock"


class Servers:
    """Two servers, by the first letter of a key; one of them is silent until it is woken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.woken, self.asked = asyncio.Event(), 0
        monkeypatch.setattr(DirectReads, "server_of", lambda _, name: name[0])
        monkeypatch.setattr(DirectReads, "get", lambda _, rows: self._get(rows))

    async def _get(self, rows: Sequence[Sequence[str]]) -> list[Values]:
        self.asked += 1
        if rows[0][0].startswith("silent"):
            await self.woken.wait()
        return [[b"x"] * len(names) for names in rows]


@pytest.fixture
async def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


@pytest.fixture
async def reads(servers: Servers) -> BoundedReads:
    return BoundedReads(connect(NOBODY, timeout_s=1), 3, lambda error: pytest.fail(str(error)))


@pytest.fixture
async def many_reads(servers: Servers) -> BoundedReads:
    return BoundedReads(connect(NOBODY, timeout_s=1), 100, lambda error: pytest.fail(str(error)))


async def test_the_bound_of_one_server_leaves_the_others_room(servers: Servers, reads: BoundedReads) -> None:
    late = await asyncio.gather(*(reads.get([["silent"]], time.monotonic() + 0.01) for _ in range(10)))
    assert (late, reads.in_flight, servers.asked) == ([None] * 10, 3, 3)
    assert await reads.get([["awake"]], time.monotonic() + 5) == [[b"x"]]
    servers.woken.set()
    await asyncio.sleep(0.01)
    assert reads.in_flight == 0
    assert await reads.get([["silent"]], time.monotonic() + 5) == [[b"x"]]


async def test_a_silent_server_is_asked_now_and_then_and_nobody_else_waits_for_it(
    servers: Servers, reads: BoundedReads
) -> None:
    for _ in range(IN_VAIN):
        assert await reads.get([["silent"]], time.monotonic() + 0.001) is None
    began_s = time.monotonic()
    assert [await reads.get([["silent"]], began_s + 60) for _ in range(100)] == [None] * 100
    assert time.monotonic() - began_s < 5
    assert servers.asked == IN_VAIN
    assert await reads.get([["awake"]], time.monotonic() + 5) == [[b"x"]]


async def test_a_server_that_was_silent_is_noticed_when_it_is_back(servers: Servers, many_reads: BoundedReads) -> None:
    for _ in range(IN_VAIN):
        await many_reads.get([["silent"]], time.monotonic() + 0.001)
    await asyncio.sleep(PROBE_EVERY_S)
    assert await many_reads.get([["silent"]], time.monotonic() + 0.001) is None
    assert servers.asked == IN_VAIN + 1
    servers.woken.set()
    await asyncio.sleep(0.001)  # what it was asked before is answered now, though nobody waits for it
    found = await asyncio.gather(*(many_reads.get([["silent"]], time.monotonic() + 5) for _ in range(10)))
    assert found == [[[b"x"]]] * 10


async def test_a_server_that_refuses_is_asked_now_and_then_as_well(
    many_reads: BoundedReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def refuse(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise RedisGone

    monkeypatch.setattr(DirectReads, "get", refuse)
    assert [await many_reads.get([["gone"]], time.monotonic() + 5) for _ in range(100)] == [None] * 100
    assert IN_VAIN <= asked < 50


async def test_a_deadline_that_is_over_asks_nobody(servers: Servers, reads: BoundedReads) -> None:
    assert await reads.get([["awake"]], time.monotonic()) is None
    assert servers.asked == 0


async def test_nothing_is_read_without_asking(servers: Servers, reads: BoundedReads) -> None:
    assert await reads.get([], time.monotonic() + 5) == []
    assert servers.asked == 0
