"""Servers that speak TLS alone, shared by the tests of this folder."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secure.certificates import Authority, Certificate
from tests.secure.kafka_server import SecureKafka, secure_kafka
from tests.secure.redis_server import SecureRedis, missing_for_secure_redis, secure_redis
from tests.support.servers import KAFKA_RUN


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def authority(certificates: Path) -> Authority:
    return Authority(certificates, "authority")


@pytest.fixture(scope="session")
def stranger(certificates: Path) -> Authority:
    """Another authority, which signed none of the servers."""
    return Authority(certificates, "stranger")


@pytest.fixture(scope="session")
def own(authority: Authority) -> Certificate:
    """The servers'."""
    return authority.sign("server", "IP:127.0.0.1")


@pytest.fixture(scope="session")
def broker(authority: Authority) -> Certificate:
    """By which the controllers of Kafka know a broker."""
    return authority.sign("broker", "IP:127.0.0.1")


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority, own: Certificate) -> Iterator[SecureRedis]:
    _require(missing_for_secure_redis(), "REDIS OVER TLS IS NOT TESTED")
    with secure_redis(tmp_path_factory.mktemp("secure-redis"), authority, own) as server:
        yield server


@pytest.fixture(scope="session")
def secure_cluster(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, own: Certificate
) -> Iterator[SecureRedis]:
    _require(missing_for_secure_redis(), "A REDIS CLUSTER OVER TLS IS NOT TESTED")
    with secure_redis(tmp_path_factory.mktemp("secure-cluster"), authority, own, cluster=True) as server:
        yield server


def _require(missing: str | None, otherwise: str) -> None:
    """CI fails where a server cannot be had; elsewhere it is skipped."""
    if missing and os.environ.get("CI"):
        pytest.fail(f"{otherwise}: {missing}")
    if missing:
        pytest.skip(f"{otherwise}: {missing}")


@pytest.fixture(scope="session")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str, authority: Authority, broker: Certificate
) -> Iterator[SecureKafka]:
    """With the rights that the roles are given. The plain Kafka of the run has fetched what is needed to start it."""
    home = Path(os.environ.get("TRANCHE_KAFKA_HOME", KAFKA_RUN.parents[2] / ".cache" / "kafka"))
    jars = max((path for path in home.glob("jars-*") if path.is_dir()), key=lambda path: path.stat().st_mtime)
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka"), jars, authority, broker) as server:
        asyncio.run(server.give_rights())
        yield server
