"""Brokers that are killed, restarted and frozen under load: what was answered 202 counts once for every user.

Every batch is sent five times, each time until it is taken. TRANCHE_TEST_SEED repeats a run's load and choices.
"""

import time
from collections.abc import Callable
from random import Random

import pytest

from tests.behaviour.product import Product
from tests.faults.comparing import compare_every_user, sending
from tests.faults.kafka.persistent import PersistentClient, load_of_its_own
from tests.support.kafka_brokers import KafkaBrokers
from tests.support.seeds import random_of_this_run

pytestmark = pytest.mark.timeout(900)

TIMES = 5
RESUMES_WITHIN_S = 30.0


def test_a_broker_a_collector_and_a_worker_are_killed_and_every_event_counts_once(
    product: Product, kafka_brokers: KafkaBrokers
) -> None:
    def kill_one_of_each(random: Random) -> None:
        victims: list[Callable[[], object]] = [
            lambda: kafka_brokers.kill(random.choice(kafka_brokers.nodes)),
            lambda: product.kill("collector"),
            lambda: random.choice(product.roles("worker")).kill(),
        ]
        random.shuffle(victims)
        for kill in victims:
            time.sleep(random.uniform(0.3, 1.5))
            kill()
        kafka_brokers.bring_back()

    hurt_and_compare(product, kill_one_of_each)


@pytest.mark.long
def test_brokers_that_are_killed_one_after_the_other(product: Product, kafka_brokers: KafkaBrokers) -> None:
    def kill_ten_times(random: Random) -> None:
        for _ in range(10):
            time.sleep(random.uniform(0, 3))
            kafka_brokers.kill(random.choice(kafka_brokers.nodes))
            time.sleep(random.uniform(0, 8))
            kafka_brokers.bring_back()

    hurt_and_compare(product, kill_ten_times)


@pytest.mark.long
def test_a_rolling_restart_of_all_brokers(product: Product, kafka_brokers: KafkaBrokers) -> None:
    def restart_all(random: Random) -> None:
        for node in kafka_brokers.nodes:
            kafka_brokers.stop(node)
            kafka_brokers.bring_back()
            time.sleep(random.uniform(0, 2))

    hurt_and_compare(product, restart_all)


@pytest.mark.long
def test_a_broker_that_stands_still_and_wakes_up(product: Product, kafka_brokers: KafkaBrokers) -> None:
    def freeze_three_times(random: Random) -> None:
        for _ in range(3):
            kafka_brokers.process(random.choice(kafka_brokers.nodes)).suspend()
            time.sleep(random.uniform(1, 20))
            kafka_brokers.bring_back()

    hurt_and_compare(product, freeze_three_times)


@pytest.mark.long
def test_all_brokers_are_killed_at_once(product: Product, kafka_brokers: KafkaBrokers) -> None:
    def kill_all(random: Random) -> None:
        time.sleep(random.uniform(1, 3))
        kafka_brokers.kill_all()
        kafka_brokers.bring_back()
        time.sleep(2)

    hurt_and_compare(product, kill_all)


def hurt_and_compare(product: Product, hurt: Callable[[Random], None]) -> None:
    random = random_of_this_run()
    load, client = load_of_its_own(random), PersistentClient(product, TIMES)
    with sending(product, load, client.send):
        hurt(random)
    compare_every_user(product, load, random)
    print(f"the longest that a batch took is {client.longest_s:.1f} s; {client.refused} refusals")  # noqa: T201
    assert client.longest_s < RESUMES_WITHIN_S
