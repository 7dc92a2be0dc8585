"""The search for the peak, over services whose capacity is known."""

import pytest

from loadtests.load.control.peak import Search, find_peak
from loadtests.load.measured.measured import Measured
from loadtests.load.measured.thresholds import Judged, Limit, Verdict
from loadtests.load.report.document import Stage

LIMIT = Limit("lookup.p99_ms", "max", 10.0)


def stage(rate: float, *, holds: bool, invalid: tuple[str, ...] = ()) -> Stage:
    return Stage(f"{rate}", rate, Measured(), {}, [Judged(LIMIT, 1.0 if holds else 99.0)], invalid)


class Service:
    """Holds up to `capacity`; the generator itself does up to `generator`; hiccups break a step for no reason."""

    def __init__(self, capacity: float, generator: float = 1e9, hiccups: tuple[int, ...] = ()) -> None:
        self._capacity, self._generator, self._hiccups = capacity, generator, hiccups
        self.tried: list[float] = []

    async def __call__(self, rate: float) -> Stage:
        self.tried.append(rate)
        if rate > self._generator:
            return stage(rate, holds=True, invalid=("the generator",))
        return stage(rate, holds=rate <= self._capacity and len(self.tried) not in self._hiccups)


async def search(service: Service, first: float = 100.0) -> Search:
    return await find_peak(service, first, 1.5, lambda: False)


@pytest.mark.parametrize("capacity", [150, 640, 1_000, 5_234, 80_000])
async def test_finds_the_capacity_to_a_fifth(capacity: float) -> None:
    found = await search(Service(capacity))
    assert found.held is not None
    assert capacity / 1.25 < found.held <= capacity
    assert found.verdict is Verdict.OK
    assert "lookup.p99_ms" in found.conclusion


async def test_a_hiccup_is_not_taken_for_a_limit() -> None:
    found = await search(Service(1_000, hiccups=(2, 5)))
    assert found.held is not None
    assert found.held > 800


async def test_a_rate_that_breaks_is_tried_twice_before_it_counts() -> None:
    service = Service(100)
    await search(service)
    assert service.tried.count(150) == 2


async def test_where_the_generator_ends_first_there_is_no_peak_but_a_least_one() -> None:
    found = await search(Service(1e9, generator=1_000))
    assert found.verdict is Verdict.INVALID
    assert found.conclusion.startswith("the peak is at least 759 ")


async def test_where_the_first_rate_breaks_there_is_none() -> None:
    found = await search(Service(50))
    assert (found.held, found.verdict) == (None, Verdict.BROKEN)
    assert "begin lower" in found.conclusion


async def test_whoever_stops_it_gets_what_was_found_so_far() -> None:
    service = Service(1_000)
    found = await find_peak(service, 100, 1.5, lambda: len(service.tried) > 2)
    assert len(found.stages) == 3
    assert found.held == 150
    assert found.verdict is Verdict.INVALID
