"""Many connections that all ask at once: as many whole answers as few get, and none that waits for all the others."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.metrics import ApiMetrics
from services.segment_api.express import deadlines, lookups
from services.segment_api.express.gathering import LONGEST_TURN_S
from tests.segment_api.crowd_of_connections import READ_S, Crowd, Loop

Crowded = Callable[..., Crowd]


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowded]:
    """In time of its own."""

    def made(*sizes: Any) -> Crowd:
        loop = Loop()
        monkeypatch.setattr(lookups, "time", loop)
        monkeypatch.setattr(deadlines, "time", loop)
        asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", loop))
        crowd = Crowd(loop, ApiMetrics(CollectorRegistry()), *sizes)
        crowd.serve(0.3)
        return crowd

    yield made
    asyncio._set_running_loop(None)


def served(crowd: Crowd) -> tuple[int, int]:
    crowd.serve(0.3)
    return crowd.whole, crowd.degraded


@pytest.mark.parametrize("connections", [256, 640])
@pytest.mark.parametrize("slower_s", [0.0, 20e-6])
def test_ten_times_the_connections_are_answered_as_often_and_wholly(
    crowd: Crowded, connections: int, slower_s: float
) -> None:
    few, _ = served(crowd(64, slower_s))
    many, degraded = served(crowd(connections, slower_s))
    assert many > 0.98 * few
    assert degraded < 0.001 * many


def test_far_more_than_can_be_answered_in_time_still_leave_room_for_answers(crowd: Crowded) -> None:
    few, _ = served(crowd(64))
    assert served(crowd(2_000))[0] > 0.5 * few


@pytest.mark.parametrize("connections", [1_200, 5_000])
def test_a_turn_ends_however_many_ask_again(crowd: Crowded, connections: int) -> None:
    """All else on the thread waits for it: checks of health among them."""
    many = crowd(connections)
    many.serve(0.3)
    assert many.longest_turn_s < LONGEST_TURN_S + 3 * connections * READ_S


def test_dear_answers_are_not_read_for_without_end(crowd: Crowded) -> None:
    many = crowd(640, 0.000_4)
    many.serve(0.3)
    assert many.longest_turn_s < 2 * LONGEST_TURN_S + 640 * 2 * READ_S
    assert many.whole > 0.8 * served(crowd(16, 0.000_4))[0]
