"""The product on three brokers, with two workers: started once for the package, whose tests keep to own users."""

from collections.abc import Iterator

import pytest

from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES
from tests.faults.kafka.zombies import Zombies
from tests.support.kafka_brokers import KafkaBrokers

PARTITIONS = 8


@pytest.fixture(scope="package")
def zombies(tmp_path_factory: pytest.TempPathFactory) -> Zombies:
    return Zombies(tmp_path_factory.mktemp("zombies"))


@pytest.fixture(scope="package")
def replicated_product(
    shared_kafka_brokers: KafkaBrokers, zombies: Zombies, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    # No cache, for a profile that a worker holds would hide that the stored one has been spoilt.
    env = {"TRANCHE_PARTITIONS": str(PARTITIONS), "TRANCHE_CACHE_EVENTS": "1"}
    env |= kafka_env(shared_kafka_brokers.bootstrap) | zombies.env
    with running(Product(tmp_path_factory.mktemp("up"), env, workers=2)) as product:
        yield product


@pytest.fixture
def product(replicated_product: Product) -> Product:
    """The same with the rules of the load alone."""
    replicated_product.delete_all()
    replicated_product.define(**RULES)
    return replicated_product
