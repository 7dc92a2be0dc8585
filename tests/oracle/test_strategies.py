"""The strategies are fit for comparing: events are acceptable, moments miss no change, every node decides something."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import get_args

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from services.segmentation.events import Event, decode_event, encode_event
from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import And, Leaf, Not, Or, Rule
from tests.oracle.judge import first_arrivals, judge, newest
from tests.oracle.pools import NOON_MS
from tests.oracle.strategies import cases, deep_histories, histories, moments

TERMS = frozenset(get_args(nodes.Term))


@given(histories())
def test_every_event_of_a_history_survives_the_log_unchanged(events: list[Event]) -> None:
    assert [decode_event(encode_event(event), NOON_MS) for event in events] == events


@given(cases(), st.data())
def test_between_two_moments_nothing_changes(case: tuple[Rule, list[Event]], data: st.DataObject) -> None:
    rule, events = case
    times = moments(rule, events)
    assert times[0] == max(event.ts_ms for event in first_arrivals(events))
    start, end = data.draw(st.sampled_from(list(pairwise(times))))
    between = data.draw(st.integers(start, end - 1))
    assert judge(rule, events, between) == judge(rule, events, start)


def test_leaves_of_every_term_are_drawn_both_true_and_false_and_those_with_time_in_them_change() -> None:
    missing = {(term, fate) for term in TERMS for fate in ("True", "False", "changes")}
    missing -= {(term, "changes") for term in get_args(nodes.ValueTerm)}

    def nothing_is_missing(case: tuple[Rule, list[Event]]) -> bool:
        rule, events = case
        for leaf in leaves(rule):
            truths = {judge(leaf, events, at) for at in moments(leaf, events)}
            fates = {"True", "False", "changes"} if len(truths) == 2 else {str(truth) for truth in truths}
            missing.difference_update((term, fate) for term in terms(leaf) for fate in fates)
        return not missing

    one_pass = settings(max_examples=3_000, database=None, phases=[Phase.generate])
    find(cases(), nothing_is_missing, settings=one_pass)


def leaves(rule: Rule) -> Iterator[Leaf]:
    match rule:
        case And() | Or():
            for operand in rule.operands:
                yield from leaves(operand)
        case Not():
            yield from leaves(rule.operand)
        case _:
            yield rule


def terms(leaf: Leaf) -> set[type]:
    assert is_dataclass(leaf)
    return {type(getattr(leaf, part.name)) for part in fields(leaf)} & TERMS


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
