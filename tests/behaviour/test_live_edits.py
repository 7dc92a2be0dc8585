"""Segments edited while users are there: in force at once over HTTP, counted and exported as they are looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from services.local_stack.child_process import holds_within
from services.segmentation.events import Event
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from tests.behaviour.product import PATIENCE_S, Product
from tests.oracle.judge import first_arrivals, judge
from tests.oracle.strategies import cases, moments
from tests.support.draws import drawn
from tests.support.seeds import random_of_this_run

CASES = 40
EDITS = 12
LATER_MS = 400 * 86_400_000

Histories = Mapping[str, Sequence[Event]]


def test_edits_are_in_force_at_once_and_counted_once_the_pass_is_through(product: Product, space: str) -> None:
    random = random_of_this_run()
    found = drawn(cases(), CASES, random)
    histories = {f"u-{number}": owned(events, f"u-{number}", space) for number, (_, events) in enumerate(found)}
    product.send([event for events in histories.values() for event in events])
    product.wait_applied()
    latest_ms = max(event.ts_ms for events in histories.values() for event in events)
    ids = [f"e-{number}" for number in range(4)]
    rules: dict[str, Rule] = {}
    for number, (rule, _) in enumerate(found[:EDITS]):
        edited = ids[number % len(ids)]
        product.put(edited, str(rule))
        rules[edited] = parse(str(rule))
        near = [at_ms for user in histories.values() for at_ms in moments(rule, user) if at_ms >= latest_ms]
        for at_ms in [latest_ms, *random.sample(near, min(2, len(near)))]:
            assert looked_up(product, histories, at_ms, space) == judged(rules, histories, at_ms)
    product.wait_refreshed()
    now_ms = latest_ms + LATER_MS
    assert sizes(product, space).keys() == rules.keys()
    for segment_id in rules:
        members = exported(product, segment_id, space, now_ms)
        assert members == {
            user for user, segments in judged(rules, histories, now_ms).items() if segment_id in segments
        }
    present = judged(rules, histories, product.lookup("u-0", space=space)["at"])
    counted = {name: sum(name in each for each in present.values()) for name in rules}
    # What the API has read of sizes, be it for their history, it gives again for a second or some.
    assert holds_within(PATIENCE_S, lambda: sizes(product, space) == counted), (sizes(product, space), counted)


def owned(events: Sequence[Event], user: str, space: str) -> list[Event]:
    return [replace(each, user_id=user, space=space) for each in events]


def looked_up(product: Product, histories: Histories, at_ms: int, space: str) -> dict[str, list[str]]:
    found = product.lookup_many(list(histories), at_ms, space)
    return {user: [each["id"] for each in answer["segments"]] for user, answer in found.items()}


def judged(rules: Mapping[str, Rule], histories: Histories, at_ms: int) -> dict[str, list[str]]:
    return {
        user: sorted(name for name, rule in rules.items() if judge(rule, first_arrivals(events), at_ms))
        for user, events in histories.items()
        if events
    }


def sizes(product: Product, space: str) -> dict[str, int]:
    segments = product.api.get("/v1/segments", params={"space": space}).json()["segments"]
    return {each["id"]: each["size"] for each in segments}


def exported(product: Product, segment_id: str, space: str, at_ms: int) -> set[str]:
    answer = product.api.get(f"/v1/segments/{segment_id}/members", params={"space": space, "at": str(at_ms)})
    rows = [orjson.loads(line) for line in answer.text.splitlines()]
    assert rows[-1]["next"] is None
    members = [row["user_id"] for row in rows if "user_id" in row]
    assert len(members) == len(set(members)) == rows[-1]["members"]
    return set(members)
