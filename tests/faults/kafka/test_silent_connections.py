"""A broker that takes connections and requests and never answers: workers are renewed, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES, compare_every_user, sending
from tests.faults.kafka.persistent import PersistentClient, goes_on, load_of_its_own
from tests.support.ports import free_ports
from tests.support.proxy import Proxy, Wire
from tests.support.seeds import random_of_this_run
from tests.support.servers import kafka_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

RENEWED_WITHIN_S = 60.0


class Wires:
    """All that were ever made, so that those of now can be silenced for good."""

    def __init__(self) -> None:
        self._made: list[SilencedWire] = []

    def make(self) -> Wire:
        self._made.append(SilencedWire())
        return self._made[-1]

    def silence(self) -> None:
        for each in self._made:
            each.is_silent = True


class SilencedWire(Wire):
    is_silent = False

    def to_client(self, data: bytes) -> bytes:
        return b"" if self.is_silent else data


@pytest.fixture
def wires() -> Wires:
    return Wires()


@pytest.fixture
def bootstrap(tmp_path: Path, wires: Wires, kafka_bootstrap: str) -> Iterator[str]:
    """A broker that is reached through a proxy alone. Asking for the shared one skips where there can be no Kafka."""
    port, _controller_port, outer_port = free_ports(0, 1, 2)
    proxy = Proxy(port, wires.make)
    proxy.port = outer_port
    with proxy, kafka_server(tmp_path, f"advertised.listeners=PLAINTEXT://127.0.0.1:{outer_port}", port=port):
        yield f"127.0.0.1:{outer_port}"


def test_silent_connections_are_noticed_and_made_anew(tmp_path: Path, bootstrap: str, wires: Wires) -> None:
    random = random_of_this_run()
    load = load_of_its_own(random)
    env = {"TRANCHE_PARTITIONS": "8"} | kafka_env(bootstrap)
    with running(Product(tmp_path / "up", env, workers=2)) as product:
        product.define(**RULES)
        with sending(product, load, PersistentClient(product).send):
            for _ in range(3):
                goes_on(product)
                wires.silence()
                goes_on(product, RENEWED_WITHIN_S)
        compare_every_user(product, load, random)
