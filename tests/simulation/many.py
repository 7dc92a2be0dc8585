"""Runs of many seeds, on all the processors that may be used."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from multiprocessing import get_context

from tests.simulation.run import run

SEEDS_AT_ONCE = 10
ENOUGH_FAILURES = 3


def failures(seeds: Sequence[int], processes: int) -> Iterator[str | None]:
    """For each seed how it failed, or None, as soon as it is known."""
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_failure, seeds, SEEDS_AT_ONCE)


def failures_within(seconds: float, least: int, first: int, processes: int) -> tuple[int, list[str]]:
    """How many seeds from the first on there was time for, at least so many, and how some of them failed."""
    share = partial(_run_within, seconds, -(-least // processes), processes)
    with get_context("spawn").Pool(processes) as pool:
        found = pool.map(share, range(first, first + processes))
    return sum(runs for runs, _ in found), [report for _, reports in found for report in reports]


def _run_within(seconds: float, least: int, step: int, first: int) -> tuple[int, list[str]]:
    until_s, reports, runs = time.monotonic() + seconds, list[str](), 0
    for seed in count(first, step):
        report = _failure(seed)
        reports += [report] if report else []
        runs += 1
        if (runs >= least and time.monotonic() > until_s) or len(reports) == ENOUGH_FAILURES:
            break
    return runs, reports


def _failure(seed: int) -> str | None:
    outcome = run(seed)
    return outcome.report if outcome.error else None
