"""Explanations: they agree with lookups at every moment, and what they foretell happens.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import orjson
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from services.segment_api.explain.answer import explain_answer
from services.segment_api.lookups.answer import Answering, Question
from services.segment_api.lookups.strangers import Strangers
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.explanation.explain import explain
from services.segmentation.explanation.tree import Composed, Explanation, Group, Leaf, Node, Sooner
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import local_time
from services.segmentation.rules.request import Facts
from services.segmentation.time_zones import zone_named
from services.segmentation.wire.membership import encode_membership
from services.segmentation.wire.profile import encode_profile
from tests.oracle.worlds import World, worlds

SOME = settings(max_examples=1_500 if os.environ.get("TRANCHE_TEST_LONG") else 60, deadline=None)
DAY = 86_400_000
LARGEST = 1.7976931348623157e308


@st.composite
def asked(draw: st.DrawFn) -> tuple[World, str, int]:
    """A world, one of its segments, and a moment at which something may change in it."""
    world = draw(worlds())
    segment_id = draw(st.sampled_from(sorted(world.segments)))
    return world, segment_id, draw(st.sampled_from(world.moments(segment_id)))


@SOME
@given(case=asked(), cut=st.integers(0, 12))
def test_it_agrees_with_the_lookup(case: tuple[World, str, int], cut: int) -> None:
    world, segment_id, at_ms = case
    catalog = catalog_of(world.segments)
    state = step(UserState(), world.facts[:cut], catalog, KEEP_ALL, world.zone)
    state = step(state, world.facts[cut:], catalog, KEEP_ALL, world.zone)
    facts = Facts(at_ms, clock(world, state.profile), world.request)
    told = explain(state.profile, catalog, segment_id, world.zone, facts, state.membership)
    answer = orjson.loads(orjson.dumps(explain_answer("u", told)))
    assert answer["sentence"].startswith("In " if told.in_segment else "Not in ")
    found = looked_up(world, catalog, state, at_ms)
    if told.known or told.ready.asks:
        assert told.in_segment == told.served == (segment_id in found)
    else:
        assert not told.served
        assert told.obstacles == ("unknown-user",)
    assert told.in_segment == (told.since_ms is not None)
    assert (told.since_ms, told.until_ms) == found.get(segment_id, (told.since_ms, told.until_ms))


@SOME
@given(case=asked())
def test_each_truth_is_made_of_those_below_it_and_changes_when_told_and_not_before(
    case: tuple[World, str, int],
) -> None:
    told = Told(*case)
    end_ms = told.now.at_ms + 200 * 366 * DAY
    for number, node in enumerate(walk(told.now.tree)):
        assert node.holds == recombined(node)
        if node.changes_at_ms is None:
            assert told.later(end_ms)[number].holds == node.holds
        else:
            assert told.now.at_ms < node.changes_at_ms
            assert told.later(node.changes_at_ms - 1)[number].holds == node.holds
            assert told.later(node.changes_at_ms)[number].holds != node.holds


def recombined(node: Node) -> bool:
    match node:
        case Group(nodes.And()):
            return all(child.holds for child in node.children)
        case Group(nodes.Or()):
            return any(child.holds for child in node.children)
        case Group(nodes.Not()):
            return not node.children[0].holds
        case Composed() if node.tree is not None:
            return node.tree.holds
    return node.holds


@SOME
@given(case=asked())
def test_what_would_change_a_leaf_does_so(case: tuple[World, str, int]) -> None:
    told = Told(*case)
    leaves = [
        (number, node) for number, node in enumerate(walk(told.now.tree)) if isinstance(node, Leaf) and node.sooner
    ]
    assume(leaves)
    for number, leaf in leaves:
        note(f"{leaf.condition}: {leaf.sooner}")
        assert told.changes(number, leaf)


class Told:
    """A segment explained, and explained again: the hour and the weekday stay what they were."""

    def __init__(self, world: World, segment_id: str, at_ms: int) -> None:
        self._world, self._segment_id, self._catalog = world, segment_id, catalog_of(world.segments)
        self._profile = add_all(None, world.facts, KEEP_ALL)
        local = local_time(at_ms, clock(world, self._profile))
        self._values = {"hour": local.hour, "weekday": local.isoweekday(), **world.request}
        self.now = self._explain(self._profile, at_ms, self._values)

    def later(self, at_ms: int) -> Sequence[Node]:
        return list(walk(self._explain(self._profile, at_ms, self._values).tree))

    def changes(self, number: int, leaf: Leaf) -> bool:
        """Whether a leaf is the opposite of what it was, once what was told has happened: at once or just later."""
        assert leaf.sooner is not None
        return any(
            self._after(leaf.sooner, at_ms)[number].holds != leaf.holds
            for at_ms in (self.now.at_ms, self.now.at_ms + 1)
        )

    def _after(self, sooner: Sooner, from_ms: int) -> Sequence[Node]:
        facts, values = happened(sooner.change, from_ms)
        at_ms = max([from_ms, *(fact.ts_ms for fact in facts)])
        profile = add_all(self._profile, facts, KEEP_ALL)
        return list(walk(self._explain(profile, at_ms, {**self._values, **values}).tree))

    def _explain(self, profile: Profile | None, at_ms: int, values: Mapping[str, object]) -> Explanation:
        facts = Facts(at_ms, self._world.zone, values)
        return explain(profile, self._catalog, self._segment_id, self._world.zone, facts)


def happened(change: Mapping[str, Any], at_ms: int) -> tuple[list[Fact], dict[str, object]]:
    """The facts that a change speaks of, and what the request tells instead."""
    match change:
        case {"request": path}:
            return [], {path: fitting(change["operator"], change["value"])}
        case {"trait": name}:
            traits = {name: fitting(change["operator"], change["value"])}
            return [Event("new", "u", "other", at_ms + 1, traits=traits)], {}
        case {"context": path}:
            value = fitting(change["operator"], change["value"])
            return [made("other", {f"context.{path}": value}, at_ms + 1, 0)], {}
        case {"list": list_id, "listed": listed}:
            return [ListEntry("\uffff", "u", list_id, at_ms + 1, listed=listed)], {}
        case {"sequence": steps}:
            return [made(each["event"], each["where"], at_ms + n, n) for n, each in enumerate(steps, start=1)], {}
        case {"event": event_type, "times": times, "where": where}:
            fields = [{**where, **extra} for extra in extras(change, times, where)]
            return [made(event_type or "other", each, at_ms, n) for n, each in enumerate(fields)], {}
    raise AssertionError(change)


def extras(change: Mapping[str, Any], times: int, where: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "different" not in change:
        return [change.get("with", {})] * times
    field = change["different"]
    own = where.get(field)
    return [{field: own[n] if isinstance(own, list) else own if own is not None else f"new {n}"} for n in range(times)]


def fitting(operator: str, value: Any) -> Any:
    """A value of which the comparison is true; none at all is the opposite of any."""
    match operator:
        case "==" | "<=" | ">=" if value is not None:
            return value
        case "in":
            return next(each for each in value if each is not None)
        case ">" if not isinstance(value, bool | str):
            return min(value + max(1, abs(value) / 2), LARGEST)
        case "<" if not isinstance(value, bool | str):
            return max(value - max(1, abs(value) / 2), -LARGEST)
        case ">" | "<" if isinstance(value, bool):
            return operator == ">"
        case ">" | "<" if isinstance(value, str):
            return value + "." if operator == ">" else ""
    return None


def made(event_type: str, where: Mapping[str, Any], at_ms: int, number: int) -> Event:
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    for field, value in where.items():
        one = value[0] if isinstance(value, list) else value
        if field.startswith("context."):
            _, *parents, name = field.split(".")
            node = context
            for parent in parents:
                node = node.setdefault(parent, {})
            node[name] = one
        else:
            properties[field] = one
    return Event(f"\uffff{number}", "u", event_type, at_ms, properties=properties, context=context)


def walk(node: Node) -> Iterator[Node]:
    yield node
    below = node.children if isinstance(node, Group) else (node.tree,) if isinstance(node, Composed) else ()
    for child in below:
        if child is not None:
            yield from walk(child)


def catalog_of(rules: Mapping[str, object]) -> Catalog:
    definitions = {name: SegmentDefinition(name=name, rule=str(rule)) for name, rule in rules.items()}
    return Catalog().put_all(definitions, KEEP_ALL)


def clock(world: World, profile: Profile | None) -> tzinfo:
    own = profile.time_zone.value if profile and profile.time_zone else None
    zones = [zone_named(name) for name in (world.request.get("timezone"), own) if isinstance(name, str)]
    return next((zone for zone in zones if zone is not None), world.zone)


def looked_up(world: World, catalog: Catalog, state: UserState, at_ms: int) -> dict[str, tuple[int, int | None]]:
    """The spans that a lookup tells, by segment."""
    question = Question(at_ms=at_ms, request=world.request)
    answering = Answering(
        question, catalog, Strangers().of(catalog, world.zone), world.zone, at_ms, consent_required=False
    )
    if state.profile is None or state.membership is None:
        answer = answering.from_membership("u", None)
    else:
        membership, profile = encode_membership(state.membership), encode_profile(state.profile)
        answer = answering.from_membership("u", membership) or answering.from_profile("u", membership, profile)
    assert answer is not None
    return {each["id"]: (each["since"], each["until"]) for each in answer["segments"]}
