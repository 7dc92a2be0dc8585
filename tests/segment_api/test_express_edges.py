"""The express at its bounds: who is held at the door, and what is asked of a Redis that says nothing.

The express, its door and what it knows of the server are the real ones; the clock and the link are the test's.
"""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.metrics import ApiMetrics
from services.runtime.redis_link import Reader
from services.segment_api.door.admission import Admission
from services.segment_api.express import deadlines, lookups
from services.segment_api.express.lookups import LookupExpress
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.lookups.written import Written
from services.segment_api.reads import IN_VAIN, PROBE_EVERY_S, Server
from tests.segment_api.crowd_of_connections import DEADLINE_S, Loop

LINE = b"GET /v1/users/u-42/segments"
SOON_S = DEADLINE_S / 20


class Unheard:
    """A link over which nothing comes but what the test says."""

    def __init__(self) -> None:
        self.readers: list[Reader[bytes | None]] = []

    def ask(self, _: bytes, reader: Reader[bytes | None]) -> None:
        self.readers.append(reader)

    def flush(self) -> None:
        pass

    def hear(self) -> None:
        pass


class Lane:
    """An express with one server behind it, and the caller of all its lookups."""

    def __init__(self, loop: Loop, most: int) -> None:
        self._loop, self._link, self.ends = loop, Unheard(), list[str]()
        way = SimpleNamespace(link=self._link, server=Server(most))
        writer = SimpleNamespace(write=lambda *_: Written("known", b"whole"), answering=lambda question: question)
        lookup = SimpleNamespace(reads=SimpleNamespace(way_to=lambda _: way), writer=writer, name=lambda *_: b"")
        admission, metrics = Admission(DEADLINE_S, most), ApiMetrics(CollectorRegistry())
        self._express = LookupExpress(cast("Lookup", lookup), admission, metrics, lambda: 0, DEADLINE_S)

    @property
    def reads(self) -> list[Reader[bytes | None]]:
        """All that were asked for, in their order."""
        return self._link.readers

    def answer(self, rest: bytes) -> None:
        self.ends.append("degraded" if b"degraded" in rest else "whole")

    def hand_over(self, _: float) -> None:
        self.ends.append("routed")

    def look_up(self, times: int = 1) -> None:
        """So many at once, and what comes of them soon."""
        for _ in range(times):
            assert self._express.takes(LINE, self)
        self.wait(SOON_S)

    def wait(self, seconds: float) -> None:
        end_s = self._loop.now_s + seconds
        self._loop.arrives(end_s, lambda: None)
        while self._loop.now_s < end_s:
            self._loop.turn()


Opened = Callable[[int], Lane]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """With room for so many, in time of its own."""
    loop = Loop()
    monkeypatch.setattr(lookups, "time", loop)
    monkeypatch.setattr(deadlines, "time", loop)
    asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", loop))
    yield lambda most: Lane(loop, most)
    asyncio._set_running_loop(None)


@pytest.mark.parametrize(
    ("leave", "end"),
    [(lambda read: read.told(b""), "whole"), (lambda read: read.refused("MOVED"), "routed")],
    ids=["whole", "routed"],
)
def test_who_is_held_at_the_door_comes_in_as_soon_as_others_leave(
    opened: Opened, leave: Callable[[Reader[bytes | None]], None], end: str
) -> None:
    """Nobody else arrives meanwhile."""
    lane = opened(2)
    lane.look_up(5)
    for gone, come in [(0, 2), (2, 4), (4, 5)]:
        assert len(lane.reads) == come
        for read in lane.reads[gone:]:
            leave(read)
        lane.wait(SOON_S)
    assert lane.ends == [end] * 5


@pytest.mark.parametrize("end", [lambda read: read.told(b""), lambda read: read.missed()], ids=["heard", "lost"])
def test_no_more_reads_wait_for_a_server_than_may_though_their_lookups_have_ended(
    opened: Opened, end: Callable[[Reader[bytes | None]], None]
) -> None:
    """Fewer than make it silent."""
    most = IN_VAIN - 1
    lane = opened(most)
    lane.look_up(most)
    lane.wait(DEADLINE_S)
    assert lane.ends == ["degraded"] * most
    lane.look_up()
    assert lane.ends == ["degraded"] * (most + 1)
    assert len(lane.reads) == most
    end(lane.reads[0])
    lane.look_up(2)
    assert len(lane.reads) == most + 1


def test_a_silent_server_is_asked_now_and_then_and_nobody_else_waits_for_it(opened: Opened) -> None:
    lane = opened(64)
    for _ in range(IN_VAIN):
        lane.look_up()
        lane.wait(DEADLINE_S)
    lane.look_up(3)
    assert len(lane.reads) == IN_VAIN
    assert lane.ends == ["degraded"] * (IN_VAIN + 3)
    lane.wait(PROBE_EVERY_S)
    lane.look_up(3)
    assert len(lane.reads) == IN_VAIN + 1
    assert lane.ends == ["degraded"] * (IN_VAIN + 5)
    lane.reads[-1].told(b"")
    lane.look_up(3)
    assert len(lane.reads) == IN_VAIN + 4


def test_a_server_whose_connection_is_lost_each_time_is_taken_to_be_silent(opened: Opened) -> None:
    lane = opened(64)
    for _ in range(IN_VAIN):
        lane.look_up()
        lane.reads[-1].missed()
    lane.look_up(3)
    assert len(lane.reads) == IN_VAIN
    assert lane.ends == ["degraded"] * (IN_VAIN + 3)
    lane.wait(PROBE_EVERY_S)
    lane.look_up()
    assert len(lane.reads) == IN_VAIN + 1


def test_a_read_that_was_late_is_not_in_vain_again_when_its_connection_is_lost(opened: Opened) -> None:
    lane = opened(64)
    lane.look_up(IN_VAIN - 1)
    lane.wait(DEADLINE_S)
    for read in lane.reads:
        read.missed()
    assert lane.ends == ["degraded"] * (IN_VAIN - 1)
    lane.look_up()
    assert len(lane.reads) == IN_VAIN
