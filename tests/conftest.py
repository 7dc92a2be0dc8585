"""Servers that the whole run shares. Where one cannot start, CI fails; elsewhere Kafka alone may be skipped."""

import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator
from typing import NoReturn

import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.support.event_logs import EmbeddedLog, EventLog, KafkaTopics
from tests.support.kafka_brokers import KafkaBrokers, running_brokers
from tests.support.servers import kafka_server, missing_for_kafka, redis_cluster, redis_server
from tests.support.side_by_side import SideBySide, turn_of

PATIENCE_S = 20.0
"""With servers that do answer, however busy the machine is; what is about silence has a time of its own."""

GARBAGE = 10_000
"""How many objects are made, beyond those that went, before the garbage collector looks at them."""

# Machines differ too much in speed for a deadline to say anything; a failing example prints how to run it again.
settings.register_profile(
    "tranche", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("tranche")


def pytest_configure(config: pytest.Config) -> None:
    """Where Python keeps no bytecode beside the source, which is common in containers, it is kept in a folder of ours.

    Otherwise each of the hundreds of processes that tests start compiles for itself what it imports.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.rootpath / ".cache" / "bytecode")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays, and is much: the garbage collector, which would look at it ever again, never does.

    Of what tests leave behind it waits for more than usual: a fifth of the time of a test that opens an app was its.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(GARBAGE)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests run side by side, what takes long goes first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SideBySide | None:
    """One process has those that wait for many servers, which are started once then."""
    return SideBySide(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that the whole run shares; whoever counts its keys takes `clean_redis_url`."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def clean_redis_url(redis_url: str) -> str:
    """The shared Redis, emptied."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(scope="session")
def redis_cluster_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The primaries of a Redis Cluster that the whole run shares; each has a replica."""
    with redis_cluster(tmp_path_factory.mktemp("redis-cluster"), replicas=3) as urls:
        yield urls


@pytest.fixture
def clean_redis_cluster_url(redis_cluster_urls: list[str]) -> str:
    """One primary of the shared Redis Cluster, all of whose nodes are emptied."""
    for url in redis_cluster_urls:
        with redis.Redis.from_url(url) as client:
            client.flushall()
    return redis_cluster_urls[0]


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Apache Kafka that the whole run shares: every test takes topics of its own."""
    if missing := missing_for_kafka():
        _cannot_start(f"REAL KAFKA IS NOT TESTED: {missing}")
    with kafka_server(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def shared_kafka_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBrokers]:
    """Three Kafka brokers that the whole run shares; whoever takes one away takes `kafka_brokers`."""
    if missing := missing_for_kafka():
        _cannot_start(f"REAL KAFKA IS NOT TESTED: {missing}")
    with running_brokers(tmp_path_factory.mktemp("kafka-brokers")) as brokers:
        yield brokers


@pytest.fixture
def kafka_brokers(shared_kafka_brokers: KafkaBrokers) -> Iterator[KafkaBrokers]:
    """The three shared brokers, all there and in sync, and brought back afterwards."""
    try:
        yield shared_kafka_brokers
    finally:
        shared_kafka_brokers.bring_back()


def _cannot_start(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=["server", "cluster"])
def each_redis_url(request: pytest.FixtureRequest) -> str:
    """An empty Redis: once a single server, once a cluster."""
    if request.param == "server":
        return str(request.getfixturevalue("clean_redis_url"))
    return str(request.getfixturevalue("clean_redis_cluster_url")).replace("redis://", "redis+cluster://")


@pytest.fixture(params=["embedded", "embedded_in_a_cluster", "kafka"])
def empty_log(request: pytest.FixtureRequest, partitions: int) -> EventLog:
    """An event log of every sort; what asks for it says by a fixture of its own how many `partitions` it has."""
    match request.param:
        case "embedded":
            return EmbeddedLog(request.getfixturevalue("clean_redis_url"), partitions, timeout_s=PATIENCE_S)
        case "embedded_in_a_cluster":
            node = request.getfixturevalue("clean_redis_cluster_url")
            return EmbeddedLog(node.replace("redis://", "redis+cluster://"), partitions, timeout_s=PATIENCE_S)
        case _:
            return KafkaTopics(request.getfixturevalue("kafka_bootstrap"), partitions, timeout_s=PATIENCE_S)


@pytest.fixture
async def event_log(empty_log: EventLog) -> AsyncIterator[EventLog]:
    """The same, ready for use."""
    await empty_log.create()
    yield empty_log
    await empty_log.close()
