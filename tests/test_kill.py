"""Workers killed with -9 at random moments under load: not one user may differ from the oracle.

TRANCHE_TEST_SEED repeats a run's load and pauses; TRANCHE_TEST_LONG=1 kills twenty times as often.
"""

import os
import time
from pathlib import Path
from random import Random

import pytest

from services.local_stack.child_process import holds_within
from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import PATIENCE_S, Product, running
from tests.faults.comparing import RULES, Load, applied, compare_every_user, sending
from tests.support.seeds import random_of_this_run

pytestmark = pytest.mark.timeout(1_800)

TIMES, USERS = (20, 3_000) if os.environ.get("TRANCHE_TEST_LONG") else (1, 300)


@pytest.mark.parametrize(("workers", "kills"), [(1, 5), (2, 10)])
def test_kills_change_nothing_on_the_embedded_log(tmp_path: Path, workers: int, kills: int) -> None:
    env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_CACHE_EVENTS": "5000"}
    with running(Product(tmp_path, env, workers=workers)) as product:
        kill_and_compare(product, kills * TIMES, longest_pause_s=2.5 / workers)


@pytest.mark.parametrize(("workers", "kills"), [(1, 4), pytest.param(2, 20, marks=pytest.mark.long)])
def test_kills_change_nothing_on_kafka(tmp_path: Path, kafka_bootstrap: str, workers: int, kills: int) -> None:
    env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_CACHE_EVENTS": "5000", **kafka_env(kafka_bootstrap)}
    env["TRANCHE_KAFKA_SESSION_TIMEOUT_S"] = "1.5"  # the group waits so long for each that was killed
    with running(Product(tmp_path, env, workers=workers)) as product:
        kill_and_compare(product, kills * TIMES, longest_pause_s=1.5)


def kill_and_compare(product: Product, kills: int, longest_pause_s: float) -> None:
    random = random_of_this_run()
    product.define(**RULES)
    load = Load(Random(random.getrandbits(64)), users=USERS)
    with sending(product, load):
        for _ in range(kills):
            kill_a_worker(product, random, longest_pause_s)
    compare_every_user(product, load, random)


def kill_a_worker(product: Product, random: Random, longest_pause_s: float) -> None:
    """Kill one after a random while, most times of its work, now and then of its start."""
    if random.random() < 0.8:
        before = applied(product)
        assert holds_within(PATIENCE_S, lambda: applied(product) > before), product.condition()
    time.sleep(random.uniform(0, longest_pause_s))
    assert holds_within(PATIENCE_S, lambda: bool(product.roles("worker"))), product.condition()
    random.choice(product.roles("worker")).kill()
