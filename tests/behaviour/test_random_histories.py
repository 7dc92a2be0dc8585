"""Random rules and histories over HTTP: every user's segments at every boundary, as the brute-force judge sees them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from tests.behaviour.product import Product
from tests.oracle.judge import first_arrivals, judge
from tests.oracle.strategies import cases, moments
from tests.support.draws import drawn
from tests.support.seeds import random_of_this_run

CASES = 60  # rules, and as many users with events of the sort that one of the rules looks at
MOMENTS = 12  # of a user, drawn from all at which anything can change


def test_every_user_is_in_the_segments_that_the_judge_says(product: Product, space: str) -> None:
    random = random_of_this_run()
    found = drawn(cases(), CASES, random)
    rules = {f"r-{number}": parse(str(rule)) for number, (rule, _) in enumerate(found)}
    for segment_id, rule in rules.items():
        product.put(segment_id, str(rule))
    histories = {f"u-{number}": events for number, (_, events) in enumerate(found)}
    arrivals = shuffled(histories, space, random)
    cuts = sorted(random.sample(range(len(arrivals)), 8))
    for begin, end in zip([0, *cuts], [*cuts, len(arrivals)], strict=True):
        product.send(arrivals[begin:end])
    product.wait_applied()
    product.wait_refreshed()
    compare(product, rules, arrivals, random)


def shuffled(by_user: Mapping[str, Sequence[Event]], space: str, random: Random) -> list[Event]:
    """All events, in an order of arrival that knows nothing of time."""
    events = [replace(event, user_id=user, space=space) for user, events in by_user.items() for event in events]
    random.shuffle(events)
    return events


def compare(product: Product, rules: Mapping[str, Rule], arrivals: Sequence[Event], random: Random) -> None:
    sent: dict[str, list[Event]] = defaultdict(list)
    for event in arrivals:
        sent[event.user_id].append(event)
    asked: dict[int, list[str]] = defaultdict(list)
    for user, events in sent.items():
        every = sorted({at_ms for rule in rules.values() for at_ms in moments(rule, events)})
        for at_ms in random.sample(every, min(MOMENTS, len(every))):
            asked[at_ms].append(user)
    for at_ms, users in asked.items():
        found = product.lookup_many(users, at_ms, arrivals[0].space)
        for user in users:
            true = sorted(name for name, rule in rules.items() if judge(rule, first_arrivals(sent[user]), at_ms))
            assert [each["id"] for each in found[user]["segments"]] == true, (user, at_ms)
