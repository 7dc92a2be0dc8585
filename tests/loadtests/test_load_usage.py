"""CPU for a thousand requests, out of what the services' /metrics tell."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from loadtests.load.measured.prometheus import WORK, Spent, Usage, read_usage
from services.runtime.metrics import ApiMetrics, CollectorMetrics, WorkerMetrics, process_registry


def usage(cpu_s: float, work: float, started_s: float = 50.0) -> Usage:
    return Usage(cpu_s, work, 0.0, 1e6, started_s)


def test_reads_what_the_services_write() -> None:
    registry = process_registry()
    metrics = ApiMetrics(registry)
    for _ in range(3):
        metrics.shed_lookup()
    metrics.remembered_bytes.set(64_000)
    found = read_usage("api", generate_latest(registry).decode())
    assert found is not None
    assert (found.work, found.turned_away) == (3.0, 3.0)
    assert found.cpu_s > 0
    assert found.remembered_bytes == 64_000
    assert found.memory_bytes > 1e6
    assert found.started_s > 1e9


def test_reads_how_full_a_worker_s_cache_is() -> None:
    registry = process_registry()
    WorkerMetrics(registry).cached_events.set(1_234)
    found = read_usage("worker", generate_latest(registry).decode())
    assert found is not None
    assert found.cached == 1_234


def test_every_role_counts_its_work() -> None:
    for role, make in (("api", ApiMetrics), ("collector", CollectorMetrics), ("worker", WorkerMetrics)):
        registry = CollectorRegistry()
        make(registry)
        assert WORK[role][0] in generate_latest(registry).decode()


def test_what_are_no_metrics_of_a_service_are_none() -> None:
    assert read_usage("api", "<html>") is None


def test_what_was_used_before_the_run_does_not_count() -> None:
    spent = Spent(since_s=100)
    for each in (usage(1_000, 1_000_000), usage(1_002, 1_001_000), usage(1_004, 1_004_000)):
        spent.see("here", each, 0.0)
    assert (spent.cpu_s, spent.work, spent.per_thousand_s, spent.restarts) == (4, 4_000, 1.0, 0)


def test_a_process_that_was_started_meanwhile_counts_from_its_start() -> None:
    spent = Spent(since_s=100)
    for each in (usage(1_000, 1_000_000), usage(1_002, 1_002_000), usage(3, 3_000, started_s=110)):
        spent.see("here", each, 0.0)
    assert (spent.cpu_s, spent.work, spent.restarts) == (5, 5_000, 1)


def test_processes_that_answer_at_one_address_in_turn_are_told_apart() -> None:
    spent = Spent(since_s=100)
    for each in (usage(10, 0, 1), usage(20, 0, 2), usage(11, 500, 1), usage(23, 500, 2)):
        spent.see("here", each, 0.0)
    assert (spent.cpu_s, spent.work, spent.restarts) == (4, 1_000, 0)


def used(memory_bytes: float, started_s: float = 50.0) -> Usage:
    return Usage(0.0, 0.0, 0.0, memory_bytes, started_s)


def test_memory_that_grows_on_after_the_first_half_is_told_by_the_hour_and_of_the_process_that_grows_most() -> None:
    spent = Spent(since_s=0)
    for at_s in range(0, 3_602, 2):
        spent.see("here", used(200e6 + 1_000 * at_s), at_s)
        spent.see("there", used(min(at_s, 1_800) * 1e6, started_s=60.0), at_s)
    assert spent.memory_growth_mb_per_h == pytest.approx(3.6)


def test_caches_that_fill_are_no_leak() -> None:
    spent = Spent(since_s=0)
    for at_s in range(0, 3_602, 2):
        spent.see("here", used(min(at_s, 1_500) * 1e6), at_s)
    assert spent.memory_growth_mb_per_h == pytest.approx(0)


def growth_beside(remembered_bytes: Callable[[int], float], own_bytes: Callable[[int], float]) -> float | None:
    """Of a process that has its own memory and what it remembers, and never gives any back."""
    spent, most = Spent(since_s=0), 0.0
    for at_s in range(0, 3_602, 2):
        most = max(most, remembered_bytes(at_s))
        now = replace(used(own_bytes(at_s) + most), remembered_bytes=remembered_bytes(at_s))
        spent.see("here", now, at_s)
    return spent.memory_growth_mb_per_h


def test_what_a_process_remembers_up_to_a_limit_is_no_leak() -> None:
    assert growth_beside(lambda at_s: at_s * 9_000.0, lambda _: 80e6) == pytest.approx(0)


def test_what_is_forgotten_is_not_given_back() -> None:
    assert growth_beside(lambda at_s: at_s % 2_500 * 9_000.0, lambda _: 80e6) == pytest.approx(0)


def test_a_leak_is_told_beside_what_is_remembered() -> None:
    assert growth_beside(lambda at_s: at_s * 9_000.0, lambda at_s: 80e6 + at_s * 1_000) == pytest.approx(3.6)


def growth_with_a_cache(cached: Callable[[int], float], seconds: int, leak_per_s: float = 0.0) -> Spent:
    """Of a process with a cache of which each part takes a kilobyte."""
    spent = Spent(since_s=0)
    for at_s in range(0, seconds + 2, 2):
        now = replace(used(80e6 + 1_000 * cached(at_s) + leak_per_s * at_s), cached=cached(at_s))
        spent.see("here", now, at_s)
    return spent


def test_a_cache_that_fills_for_most_of_a_run_is_no_leak() -> None:
    spent = growth_with_a_cache(lambda at_s: min(200_000.0, 80.0 * at_s), 4_200)
    assert spent.memory_growth_mb_per_h == pytest.approx(0, abs=0.1)
    assert not spent.was_filling


def test_a_leak_is_told_once_a_cache_is_full() -> None:
    spent = growth_with_a_cache(lambda at_s: min(200_000.0, 80.0 * at_s) - at_s % 60, 4_200, leak_per_s=1_000)
    assert spent.memory_growth_mb_per_h == pytest.approx(3.6, abs=0.5)


def test_nothing_is_told_of_a_process_whose_cache_is_still_filling() -> None:
    spent = growth_with_a_cache(lambda at_s: 80.0 * at_s, 3_600)
    spent.see("there", used(80e6, started_s=60.0), 0)
    spent.see("there", used(80e6, started_s=60.0), 3_600)
    assert (spent.memory_growth_mb_per_h, spent.was_filling) == (None, True)


def test_of_a_quarter_of_an_hour_no_growth_is_told() -> None:
    spent = Spent(since_s=0)
    for at_s in range(0, 902, 2):
        spent.see("here", used(at_s * 1e6), at_s)
    assert (spent.memory_growth_mb_per_h, Spent(since_s=0).memory_growth_mb_per_h) == (None, None)
    assert not spent.was_filling


def test_where_nothing_was_done_there_is_no_cost() -> None:
    assert Spent(since_s=0).per_thousand_s is None
