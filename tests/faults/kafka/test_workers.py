"""Workers that stand still past their session, join and leave in a row: not one user may differ from the oracle.

TRANCHE_TEST_SEED repeats a run's load and choices; TRANCHE_TEST_LONG=1 stops twenty workers instead of one.
"""

import os
import time
from pathlib import Path

import pytest

from tests.behaviour.product import Product
from tests.faults.comparing import compare_every_user, sending
from tests.faults.kafka.group import Idleness, guests, wait_until_applied_so_far
from tests.faults.kafka.persistent import load_of_its_own
from tests.faults.kafka.zombies import Zombies
from tests.support.seeds import random_of_this_run

pytestmark = pytest.mark.timeout(1_800)

ZOMBIES = 20 if os.environ.get("TRANCHE_TEST_LONG") else 1
STORM_S, EVERY_S = 600.0, 5.0
LONGEST_IDLE_S = 30.0


def test_a_worker_that_wakes_up_after_its_partitions_went_to_another_changes_nothing(
    product: Product, zombies: Zombies
) -> None:
    random = random_of_this_run()
    load = load_of_its_own(random)
    with sending(product, load):
        for _ in range(ZOMBIES):
            zombie = zombies.stop_one(product)
            wait_until_applied_so_far(product)
            time.sleep(random.uniform(0, 1))
            zombie.resume()
            wait_until_applied_so_far(product)
    compare_every_user(product, load, random)


@pytest.mark.long
def test_workers_join_and_leave_every_few_seconds_and_no_partition_stands_still(
    product: Product, tmp_path: Path
) -> None:
    random = random_of_this_run()
    load, idleness = load_of_its_own(random, users=3_000), Idleness()
    with guests(product, tmp_path) as storm, sending(product, load):
        until_s = time.monotonic() + STORM_S
        while time.monotonic() < until_s:
            storm.change(random)
            idleness.watch(product, EVERY_S)
    compare_every_user(product, load, random)
    print(f"{storm.changes} changes; a partition stood still for {idleness.longest_s:.1f} s at most")  # noqa: T201
    assert idleness.longest_s < LONGEST_IDLE_S
