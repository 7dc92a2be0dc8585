"""A product on Kafka whose Redis is about to fail, a load on it, and how long it takes to be itself again."""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx

from services.local_stack.child_process import holds_within
from services.runtime.clock import now_ms
from services.segmentation.events import Event
from services.segmentation.wire import keys
from tests.behaviour.conftest import PARTITIONS, kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES, Load, compare_every_user, ids, sending
from tests.support.redis_nodes import RedisNode
from tests.support.seeds import random_of_this_run

PATIENCE_S = 60.0
USERS = 300 if os.environ.get("TRANCHE_TEST_LONG") else 100
LONGEST_RECOVERY_S = 30.0
"""Nobody is to lend a hand meanwhile."""


class Scene:
    """`random` decides on the faults; the load has another of its own."""

    def __init__(self, product: Product, random: Random) -> None:
        self.product, self.random = product, random
        self.load = Load(Random(random.getrandbits(64)), USERS)
        self._flowing = threading.Event()
        self._flowing.set()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """With everything applied, nothing on its way, and nothing new."""
        self._flowing.clear()
        try:
            self.recovered("a rest")
            time.sleep(0.5)
            yield
        finally:
            self._flowing.set()

    def send(self, events: Sequence[Event]) -> None:
        self._flowing.wait()
        self.product.send(events)

    def pause(self, longest_s: float) -> None:
        time.sleep(self.random.uniform(0, longest_s))

    def recovered(self, what: str) -> float:
        """Wait until all is applied that is in the log now; how long that took, in seconds."""
        began_s = time.monotonic()
        ends = self._positions("end")
        while any(self._positions("watermark")[number] < end for number, end in ends.items()):
            assert time.monotonic() - began_s < LONGEST_RECOVERY_S, self.product.condition()
            time.sleep(0.05)
        took_s = time.monotonic() - began_s
        self.note(f"{what}: applied again after {took_s:.1f} s")
        return took_s

    def missing(self) -> list[str]:
        """What the workers say that keeps them from being ready."""
        ports = [worker.environ()["TRANCHE_WORKER_PORT"] for worker in self.product.roles("worker")]
        answers = [httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10, trust_env=False) for port in ports]
        return [reason for each in answers for reason in each.json().get("missing", [])]

    def note(self, text: str) -> None:
        """For whoever reads what a failed test printed, or runs pytest with -rP."""
        print(text)  # noqa: T201

    def _positions(self, name: str) -> Mapping[int, int]:
        """By partition, as soon as the status can be told."""
        rows: list[dict[str, int]] = []

        def told() -> bool:
            rows[:] = self.product.status()["partitions"]
            return bool(rows)

        assert holds_within(LONGEST_RECOVERY_S, told), self.product.condition()
        return {row["partition"]: row[name] for row in rows}


@contextmanager
def under_load(folder: Path, bootstrap: str, redis_url: str, env: Mapping[str, str] | None = None) -> Iterator[Scene]:
    """The context of the faults. Afterwards every user and every size is compared."""
    settings = {"TRANCHE_PARTITIONS": str(PARTITIONS), "TRANCHE_CACHE_EVENTS": "5000", "TRANCHE_REDIS_URL": redis_url}
    with running(Product(folder / "up", settings | kafka_env(bootstrap) | dict(env or {}), workers=2)) as product:
        product.define(**RULES)
        scene = Scene(product, random_of_this_run())
        with looking_up(product) as answers, sending(product, scene.load, scene.send):
            yield scene
            scene.recovered("at the end")
        scene.note(degraded(answers))
        assert [each.text for each in answers if each.status_code != 200] == []
        compare_every_user(product, scene.load, scene.random)
        compare_sizes(product, scene.load)


@contextmanager
def looking_up(product: Product, pause_s: float = 0.02) -> Iterator[list[httpx.Response]]:
    """Look users up as long as the context lasts; all the answers."""
    over, answers = threading.Event(), list[httpx.Response]()

    def ask() -> None:
        with httpx.Client(base_url=product.api.base_url, timeout=10, trust_env=False) as client:
            number = 0
            while not over.wait(pause_s):
                answers.append(client.get(f"/v1/users/u-{number}/segments"))
                number = (number + 1) % USERS

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        over.set()
        asking.join()


def degraded(answers: Sequence[httpx.Response]) -> str:
    count = sum(each.json()["degraded"] for each in answers)
    return f"{count} of {len(answers)} lookups were answered without Redis"


def compare_sizes(product: Product, load: Load) -> None:
    """Of every segment, how many users are said to be in it, with how many are when all are looked up."""
    users = list(load.sent)

    def agree() -> bool:
        found = product.lookup_many(users, now_ms()).values()
        segments = product.api.get("/v1/segments").json()["segments"]
        counted = {each["id"]: each["size"] for each in segments}
        return counted == {name: sum(name in ids(each) for each in found) for name in counted}

    assert holds_within(5, agree)


def watermarks(node: RedisNode) -> int:
    """How many records are applied, as this server knows."""
    with node.client() as client:
        return sum(int(each or 0) for each in client.mget([keys.watermark(number) for number in range(PARTITIONS)]))
