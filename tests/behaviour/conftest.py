"""The deployments that the behaviour suite runs on. Each is started once and shared; tests keep to their own space."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from tests.behaviour.product import Product, running

PARTITIONS = 8
EMBEDDED = {"TRANCHE_PARTITIONS": str(PARTITIONS)}


@pytest.fixture(scope="package", params=["embedded", "kafka", "clusters"])
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product on each deployment: all embedded, on one broker of Kafka, and on three with a Redis Cluster."""
    env = dict(EMBEDDED)
    if request.param == "kafka":
        env |= kafka_env(request.getfixturevalue("kafka_bootstrap"))
    if request.param == "clusters":
        env |= kafka_env(request.getfixturevalue("shared_kafka_brokers").bootstrap)
        env["TRANCHE_REDIS_URL"] = emptied(request.getfixturevalue("redis_cluster_urls"))
    with running(Product(tmp_path_factory.mktemp("up"), env)) as product:
        yield product


@pytest.fixture
def product(deployment: Product) -> Product:
    """The same without any segment."""
    deployment.delete_all()
    return deployment


@pytest.fixture
def space() -> str:
    """Users that no other test knows."""
    return f"s{uuid4().hex}"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "up"


def kafka_env(bootstrap: str) -> dict[str, str]:
    """Settings for topics and a group that nobody else uses, and that does not wait long for dead members."""
    name = f"events-{uuid4().hex}"
    own = {"TRANCHE_KAFKA_TOPIC": name, "TRANCHE_KAFKA_GROUP": name, "TRANCHE_KAFKA_SESSION_TIMEOUT_S": "3"}
    topics = {"TRANCHE_SAMPLES_TOPIC": f"{name}.samples"}
    return {"TRANCHE_KAFKA_BOOTSTRAP": bootstrap} | own | topics


def emptied(cluster_urls: Sequence[str]) -> str:
    """The URL of an emptied Redis Cluster, as the product wants it."""
    for url in cluster_urls:
        with redis.Redis.from_url(url) as client:
            client.flushall()
    return cluster_urls[0].replace("redis://", "redis+cluster://")
