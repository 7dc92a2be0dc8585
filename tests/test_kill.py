"""Workers killed with -9 at random moments under load: not one user may differ from the oracle.

TRANCHE_TEST_SEED repeats a run's load and pauses; TRANCHE_TEST_LONG=1 kills ten times as often.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.local_stack.child_process import holds_within
from services.segmentation.events import Event
from services.segmentation.rules.parse import parse
from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import PATIENCE_S, Product, running
from tests.oracle.judge import first_arrivals, judge
from tests.oracle.strategies import moments
from tests.support.seeds import random_of_this_run

pytestmark = pytest.mark.timeout(1_800)

TIMES = 10 if os.environ.get("TRANCHE_TEST_LONG") else 1
NOON_MS, TWO_HOURS_MS = 1_732_190_400_000, 7_200_000
END_MS = NOON_MS + TWO_HOURS_MS
USERS = [f"u-{number}" for number in range(300 * TIMES)]
MOMENTS = 4  # of each user that are compared
SUMS_A_RULE = 500

# Nested counts tell every single event's time: the window of the k newest ends when the k-th newest leaves it.
RULES = {f"views-{count}": f"count('view', within='1h') >= {count}" for count in (1, 2, 3, 5, 8, 13, 21, 34, 55)} | {
    "buyers": "since('buy') < '10m' and sum('view', 'value', within='30m') > 2000",
    "settled": "tenure() >= '90m'",
    "shoes": "count('view', within='20m', category='shoes') >= 2 or last('device.type') == 'mobile'",
}


class Load:
    """What is sent, and in which order: fresh events at any time of two hours, and resends of earlier ones."""

    def __init__(self, random: Random) -> None:
        self.sent: dict[str, list[Event]] = defaultdict(list)
        self._random = random

    def next_batch(self, size: int) -> list[Event]:
        batch = [self._next(user) for user in self._random.choices(USERS, k=size)]
        for event in batch:
            self.sent[event.user_id].append(event)
        return batch

    def _next(self, user: str) -> Event:
        earlier = self.sent[user]
        if not earlier or self._random.random() < 0.85:
            return self._fresh(user)
        event = self._random.choice(earlier)
        return self._random.choice((event, replace(event, type="view", properties={"value": 5})))

    def _fresh(self, user: str) -> Event:
        random = self._random
        kind = random.choice(("view", "view", "view", "buy"))
        properties = {"value": random.randrange(1, 1_000_000), "category": random.choice(("shoes", "hats"))}
        context = {"device": {"type": random.choice(("mobile", "desktop"))}}
        ts_ms = NOON_MS + random.randrange(TWO_HOURS_MS)
        return Event(f"{random.getrandbits(64):x}", user, kind, ts_ms, properties=properties, context=context)


@pytest.mark.parametrize(("workers", "kills"), [(1, 10), (2, 20)])
def test_kills_change_nothing_on_the_embedded_log(tmp_path: Path, workers: int, kills: int) -> None:
    env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_CACHE_EVENTS": "5000"}
    with running(Product(tmp_path, env, workers=workers)) as product:
        kill_and_compare(product, kills * TIMES, longest_pause_s=2.5 / workers)


@pytest.mark.parametrize(("workers", "kills"), [(1, 4), pytest.param(2, 8, marks=pytest.mark.long)])
def test_kills_change_nothing_on_kafka(tmp_path: Path, kafka_bootstrap: str, workers: int, kills: int) -> None:
    env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_CACHE_EVENTS": "5000", **kafka_env(kafka_bootstrap)}
    with running(Product(tmp_path, env, workers=workers)) as product:
        kill_and_compare(product, kills * TIMES, longest_pause_s=2.5)


def kill_and_compare(product: Product, kills: int, longest_pause_s: float) -> None:
    random = random_of_this_run()
    product.define(**RULES)
    load = Load(Random(random.getrandbits(64)))  # its own, because another thread draws from it
    with sending(product, load):
        for _ in range(kills):
            kill_a_worker(product, random, longest_pause_s)
    product.wait_applied(patience_s=2 * PATIENCE_S)
    compare_totals(product, load.sent)
    compare_moments(product, load.sent, random)


@contextmanager
def sending(product: Product, load: Load) -> Iterator[None]:
    """Send without a pause as long as the context lasts."""
    over, errors = threading.Event(), list[BaseException]()

    def send() -> None:
        try:
            while not over.wait(0.1):
                product.send(load.next_batch(60))
        except BaseException as error:
            errors.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
        assert errors == []


def kill_a_worker(product: Product, random: Random, longest_pause_s: float) -> None:
    """Kill one after a random while, most times of its work, now and then of its start."""
    if random.random() < 0.8:
        before = applied(product)
        assert holds_within(PATIENCE_S, lambda: applied(product) > before), product.condition()
    time.sleep(random.uniform(0, longest_pause_s))
    assert holds_within(PATIENCE_S, lambda: bool(product.roles("worker"))), product.condition()
    random.choice(product.roles("worker")).kill()


def applied(product: Product) -> int:
    return sum(each["watermark"] for each in product.status()["partitions"])


def compare_totals(product: Product, sent: Mapping[str, list[Event]]) -> None:
    """Of every user, the number of events and a sum that no other set of events is likely to have."""
    expected: dict[str, set[str]] = defaultdict(set)
    for kind in ("view", "buy"):
        own = {user: [each for each in first_arrivals(sent[user]) if each.type == kind] for user in USERS}
        sums = {user: sum(each.properties["value"] for each in events) for user, events in own.items()}
        for number, (user, events) in enumerate(own.items()):
            expected[user] |= {f"{kind}-count-{len(events)}", f"{kind}-sum-{number // SUMS_A_RULE}"}
        for count in {len(events) for events in own.values()}:
            product.put(f"{kind}-count-{count}", f"count('{kind}') == {count}")
        for begin in range(0, len(USERS), SUMS_A_RULE):
            some = sorted({sums[user] for user in USERS[begin : begin + SUMS_A_RULE]})
            product.put(f"{kind}-sum-{begin // SUMS_A_RULE}", f"sum('{kind}', 'value') in {some}")
    product.wait_refreshed()
    found = product.lookup_many(USERS, END_MS)
    assert {user: wanted - ids(found[user]) for user, wanted in expected.items() if wanted - ids(found[user])} == {}


def compare_moments(product: Product, sent: Mapping[str, list[Event]], random: Random) -> None:
    """Of every user, all segments and their ends at some of the moments where anything can change."""
    rules = {segment_id: parse(text) for segment_id, text in RULES.items()}
    for user, events in sent.items():
        counted = first_arrivals(events)
        every = sorted({at_ms for rule in rules.values() for at_ms in moments(rule, counted)})
        for at_ms in random.sample(every, MOMENTS):
            spans = [each for each in product.lookup(user, at_ms)["segments"] if each["id"] in rules]
            true = sorted(segment_id for segment_id, rule in rules.items() if judge(rule, counted, at_ms))
            assert [each["id"] for each in spans] == true, (user, at_ms)
            for each in spans:
                rule, until_ms = rules[each["id"]], each["until"]
                assert judge(rule, counted, every[-1] if until_ms is None else until_ms - 1), (user, at_ms, each)
                assert until_ms is None or not judge(rule, counted, until_ms), (user, at_ms, each)


def ids(answer: Mapping[str, Any]) -> set[str]:
    return {each["id"] for each in answer["segments"]}
