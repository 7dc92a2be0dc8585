"""Where `tranche up` has its workers tell their metrics, and that a load test looks for them there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from loadtests.load.control.sampler import Source
from loadtests.load.control.stack_client import StackClient
from loadtests.load.control.workers import WORKER_PORT, workers_of
from loadtests.load.traffic.plan import Target
from services.local_stack.stack import StackOptions
from services.runtime.metrics import ApiMetrics, WorkerMetrics, process_registry
from tests.loadtests.toy_server import toy_server
from tests.support.ports import free_ports


def metrics_of(role: type[ApiMetrics | WorkerMetrics]) -> bytes:
    registry = process_registry()
    role(registry)
    return generate_latest(registry)


@asynccontextmanager
async def listening(roles: Mapping[int, type[ApiMetrics | WorkerMetrics]]) -> AsyncIterator[None]:
    """Servers by port, each with the metrics of a role."""
    async with AsyncExitStack() as stack:
        for port, role in roles.items():
            told = metrics_of(role)
            await stack.enter_async_context(toy_server(lambda _, told=told: (200, told), port))  # type: ignore[misc]
        yield


async def found(api_port: int, collector: str) -> list[int]:
    async with StackClient(Target(f"http://127.0.0.1:{api_port}", collector)) as client:
        return [int(source.url.rpartition(":")[2]) for source in await workers_of(client)]


@pytest.mark.parametrize("workers", [1, 3])
async def test_workers_are_found_where_the_stack_has_them(workers: int) -> None:
    api, collector = free_ports(3, 0)
    ports = StackOptions(api, collector, Path(), workers=workers).worker_ports
    async with listening({api: ApiMetrics, **dict.fromkeys(ports, WorkerMetrics)}):
        assert await found(api, f"http://127.0.0.1:{collector}") == ports


def test_workers_of_a_stack_on_the_default_ports_are_where_a_worker_is_by_default() -> None:
    assert StackOptions(8080, 8081, Path(), workers=2).worker_ports == [WORKER_PORT, WORKER_PORT + 1]


def test_a_stack_on_the_last_ports_has_workers_on_any() -> None:
    assert StackOptions(65_535, 65_533, Path(), workers=3).worker_ports == [65_534, 0, 0]


async def test_where_no_worker_answers_it_is_told_where_one_was_looked_for() -> None:
    api, collector, no_worker, stranger = free_ports(0, 1, 2, 3)
    async with listening({no_worker: ApiMetrics, stranger: WorkerMetrics}):
        assert await found(api, f"http://127.0.0.1:{collector}") == [no_worker]


async def test_a_collector_on_its_scheme_s_own_port_says_nothing_of_workers() -> None:
    async with StackClient(Target("http://[::1]:8080", "https://events.example")) as client:
        assert await workers_of(client) == [Source("worker", f"http://[::1]:{WORKER_PORT}")]
