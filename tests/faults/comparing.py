"""What fault tests send, and how they end: whatever died meanwhile, not one user may differ from the oracle."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from services.segmentation.events import Event
from services.segmentation.rules.parse import parse
from tests.behaviour.product import PATIENCE_S, Product
from tests.oracle.judge import first_arrivals, judge
from tests.oracle.strategies import moments

NOON_MS, TWO_HOURS_MS = 1_732_190_400_000, 7_200_000
END_MS = NOON_MS + TWO_HOURS_MS
MOMENTS = 4  # of each user that are compared
KINDS = ("view", "buy")
TOTALS = [f"count('{kind}')" for kind in KINDS] + [f"sum('{kind}', 'value')" for kind in KINDS]

# Nested counts tell every single event's time: the window of the k newest ends when the k-th newest leaves it.
RULES = {f"views-{count}": f"count('view', within='1h') >= {count}" for count in (1, 2, 3, 5, 8, 13, 21, 34, 55)} | {
    "buyers": "since('buy') < '10m' and sum('view', 'value', within='30m') > 2000",
    "settled": "tenure() >= '90m'",
    "shoes": "count('view', within='20m', category='shoes') >= 2 or last('device.type') == 'mobile'",
}


class Load:
    """What is sent, and in which order: fresh events at any time of two hours, and resends of earlier ones.

    Give it a `random` of its own: `sending` draws from it in another thread. Where several loads go to one product,
    each needs users of its own, told apart by `name`.
    """

    def __init__(self, random: Random, users: int = 300, name: str = "u") -> None:
        self.sent: dict[str, list[Event]] = defaultdict(list)
        self._random = random
        self._users = [f"{name}-{number}" for number in range(users)]

    def next_batch(self, size: int) -> list[Event]:
        batch = [self._next(user) for user in self._random.choices(self._users, k=size)]
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


@contextmanager
def sending(
    product: Product, load: Load, send: Callable[[Sequence[Event]], None] | None = None, pause_s: float = 0.1
) -> Iterator[None]:
    """Send batches, a short pause between them, as long as the context lasts.

    `send` returns once the log has the batch; by default the collector has to take each at the first attempt.
    """
    over, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not over.wait(pause_s):
                (send or product.send)(load.next_batch(60))
        except BaseException as error:
            errors.append(error)

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
        assert errors == []


def applied(product: Product) -> int:
    """How many records the workers have applied, over all partitions."""
    return sum(each["watermark"] for each in product.status()["partitions"])


def compare_every_user(product: Product, load: Load, random: Random, patience_s: float = 2 * PATIENCE_S) -> None:
    """Wait until everything sent is applied, then compare. `product.define(**RULES)` has been called before."""
    product.wait_applied(patience_s)
    compare_moments(product, load.sent, random)  # before an edit of the catalog has all memberships made anew
    compare_totals(product, load.sent)


def compare_totals(product: Product, sent: Mapping[str, list[Event]]) -> None:
    """Of every user, the number of events of each kind and the sum of their values."""
    product.put("totals", " and ".join(f"{total} >= 0" for total in TOTALS))
    expected = {user: _totals(events) for user, events in sent.items()}
    found = {user: _explained(product, user) for user in expected}
    assert {user: (found[user], true) for user, true in expected.items() if found[user] != true} == {}


def _totals(events: Sequence[Event]) -> dict[str, int]:
    own = {kind: [each.properties["value"] for each in first_arrivals(events) if each.type == kind] for kind in KINDS}
    counts = {f"count('{kind}')": len(values) for kind, values in own.items()}
    return counts | {f"sum('{kind}', 'value')": sum(values) for kind, values in own.items()}


def _explained(product: Product, user: str) -> dict[str, int]:
    """The same as the product tells it."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        answer = product.api.get(f"/v1/users/{user}/segments/totals/explain", params={"at": str(END_MS)})
        if answer.is_success or time.monotonic() > deadline_s:
            assert answer.status_code == 200, answer.text
            return {leaf["term"]: leaf["value"] for leaf in answer.json()["tree"]["children"]}


def compare_moments(product: Product, sent: Mapping[str, list[Event]], random: Random) -> None:
    """Of every user, all segments and their ends at some of the moments where anything can change."""
    rules = {segment_id: parse(text) for segment_id, text in RULES.items()}
    for user, events in sent.items():
        counted = first_arrivals(events)
        every = sorted({at_ms for rule in rules.values() for at_ms in moments(rule, counted)})
        for at_ms in random.sample(every, min(MOMENTS, len(every))):
            spans = [each for each in product.lookup(user, at_ms)["segments"] if each["id"] in rules]
            true = sorted(segment_id for segment_id, rule in rules.items() if judge(rule, counted, at_ms))
            assert [each["id"] for each in spans] == true, (user, at_ms)
            for each in spans:
                rule, until_ms = rules[each["id"]], each["until"]
                assert judge(rule, counted, every[-1] if until_ms is None else until_ms - 1), (user, at_ms, each)
                assert until_ms is None or not judge(rule, counted, until_ms), (user, at_ms, each)


def ids(answer: Mapping[str, Any]) -> set[str]:
    return {each["id"] for each in answer["segments"]}
