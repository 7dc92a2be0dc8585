"""The strategies are fit for comparing: facts are acceptable, moments miss no change, every node decides something."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from random import Random
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.events import Event, Fact, ListEntry, decode_fact, encode_event, encode_list_entry
from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import Rule
from tests.oracle.judge import first_arrivals, judge, newest
from tests.oracle.pools import NOON_MS
from tests.oracle.strategies import cases, deep_histories, histories, moments
from tests.oracle.worlds import World, worlds
from tests.support.draws import drawn
from tests.support.seeds import random_of_this_run

TERMS = frozenset(get_args(nodes.Term))
GROUPS = frozenset({nodes.InSegment, nodes.Listed})
CONSTANT = frozenset({*get_args(nodes.ValueTerm), nodes.Share})


@given(histories())
def test_every_event_of_a_history_survives_the_log_unchanged(events: list[Event]) -> None:
    assert [decode_fact(encode_event(event), NOON_MS) for event in events] == events


@given(worlds())
def test_every_fact_of_a_world_does_so_too(world: World) -> None:
    assert [decode_fact(encoded(fact), NOON_MS) for fact in world.facts] == world.facts


def encoded(fact: Fact) -> bytes:
    return encode_list_entry(fact) if isinstance(fact, ListEntry) else encode_event(fact)


@given(cases(), st.integers())
def test_between_two_moments_nothing_changes(case: tuple[Rule, list[Event]], seed: int) -> None:
    rule, events = case
    times = moments(rule, events)
    assert times[0] == max(event.ts_ms for event in first_arrivals(events))
    for start, between in gaps(times, seed):
        assert judge(rule, events, between) == judge(rule, events, start)


@given(worlds(with_models=True), st.integers())
def test_nor_does_it_in_a_world(world: World, seed: int) -> None:
    for segment_id in world.segments:
        times = world.moments(segment_id)
        if world.asks_the_clock(segment_id):  # hours are only told of the next two days
            times = [at for at in times if at <= times[0] + 2 * 86_400_000]
        for start, between in gaps(times, seed):
            assert world.is_in(segment_id, between) == world.is_in(segment_id, start)


def gaps(times: list[int], seed: int) -> list[tuple[int, int]]:
    """Some of the moments that another does not follow at once, each with one between the two."""
    random = Random(seed)
    found = [(start, end) for start, end in pairwise(times) if end - start > 1]
    return [(start, random.randrange(start + 1, end)) for start, end in random.sample(found, min(len(found), 15))]


def test_leaves_of_every_sort_are_drawn_both_true_and_false_and_those_with_time_in_them_change() -> None:
    missing = {(sort, fate) for sort in TERMS | GROUPS for fate in ("True", "False", "changes")}
    missing -= {(term, "changes") for term in CONSTANT}
    random = random_of_this_run()
    for _ in range(60):
        for world in drawn(worlds(with_models=True), 50, random):
            missing -= fates(world, {sort for sort, _ in missing})
        if not missing:
            break
    assert not missing


def fates(world: World, wanted: set[type]) -> set[tuple[type, str]]:
    """What becomes of the leaves of the world's rules that are of a sort that is wanted."""
    found = set()
    for segment_id, rule in world.segments.items():
        for leaf in nodes.leaves(rule):
            if sorts(leaf) & wanted:
                alone = replace(world, segments={**world.segments, segment_id: leaf})
                truths = seen(alone.is_in(segment_id, at) for at in alone.moments(segment_id)[:200])
                found |= {(sort, fate) for sort in sorts(leaf) for fate in truths}
                found |= {(sort, "changes") for sort in sorts(leaf) if len(truths) == 2}
    return found


def seen(truths: Iterable[bool]) -> set[str]:
    """Which of both there are. Once there are both no other is asked for, as each takes the judge its time."""
    found = set[str]()
    for truth in truths:
        found.add(str(truth))
        if len(found) == 2:
            break
    return found


def sorts(leaf: nodes.Leaf) -> set[type]:
    assert is_dataclass(leaf)
    return {type(leaf), *(type(getattr(leaf, part.name)) for part in fields(leaf))} & (TERMS | GROUPS)


@settings(max_examples=20)
@given(deep_histories(resend_forgotten=False))
def test_deep_histories_go_beyond_what_terms_see_and_resend_only_what_is_remembered(events: list[Event]) -> None:
    counted = first_arrivals(events)
    views = [event for event in counted if event.type == "view"]
    forgotten = {event.event_id for event in views} - {event.event_id for event in newest(views)}
    resent = {event.event_id for event in events[len(counted) :]}
    assert forgotten
    assert resent
    assert not resent & forgotten
