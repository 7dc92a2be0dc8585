"""The fast evaluator against the brute-force judge, at the moments where anything can change.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
import random
from datetime import UTC

from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile, add
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from tests.oracle import judge as oracle
from tests.oracle.strategies import cases, deep_histories, histories, moments, rules

MOMENTS = 40
MANY = settings(max_examples=20_000 if os.environ.get("TRANCHE_TEST_LONG") else 400)
SOME = settings(max_examples=5_000 if os.environ.get("TRANCHE_TEST_LONG") else 80)


@MANY
@given(case=cases())
def test_a_membership_equals_the_judge_at_every_boundary(case: tuple[Rule, list[Event]]) -> None:
    _compare(*case)


@SOME
@given(rule=rules(), events=deep_histories(resend_forgotten=True))
def test_it_does_so_past_the_newest_256_of_a_type(rule: Rule, events: list[Event]) -> None:
    _compare(rule, events)


@SOME
@given(case=cases(), cut=st.integers(0, 20))
def test_batches_and_storage_between_them_change_nothing(case: tuple[Rule, list[Event]], cut: int) -> None:
    rule, events = case
    catalog = _catalog(rule)
    state = step(UserState(), events[:cut], catalog, KEEP_ALL, UTC)
    state = step(_stored(state), events[cut:], catalog, KEEP_ALL, UTC)
    _check(rule, events, state.membership)


@SOME
@given(events=st.one_of(histories(), deep_histories(resend_forgotten=True)), seed=st.integers())
def test_any_order_of_arrival_gives_the_same_profile_byte_for_byte(events: list[Event], seed: int) -> None:
    counted = oracle.first_arrivals(events)
    shuffled = random.Random(seed).sample(counted, len(counted))
    assert encode_profile(_profile(shuffled)) == encode_profile(_profile(counted))


@SOME
@given(events=st.one_of(histories(), deep_histories(resend_forgotten=True)))
def test_a_profile_survives_its_bytes(events: list[Event]) -> None:
    profile = _profile(events)
    decoded = decode_profile(encode_profile(profile))
    assert decoded == profile
    assert encode_profile(decoded) == encode_profile(profile)


@SOME
@given(rule=rules())
def test_the_text_of_a_rule_reads_back_as_the_same_rule(rule: Rule) -> None:
    assert repr(parse(str(rule))) == repr(rule)


def _compare(rule: Rule, events: list[Event]) -> None:
    catalog = _catalog(rule)
    state = step(UserState(), events, catalog, KEEP_ALL, UTC)
    _check(rule, events, state.membership)
    assert state.profile is not None
    everything = judge(state.profile, catalog, UTC, max_spans=None)
    assert everything.exact_until_ms is None
    _check(rule, events, everything)


def _check(rule: Rule, events: list[Event], membership: Membership | None) -> None:
    assert membership is not None
    for at_ms in _telling(membership, moments(rule, events)):
        note(f"at {at_ms}: {rule}")
        assert bool(list(membership.at(at_ms))) == oracle.judge(rule, events, at_ms)


def _telling(membership: Membership, candidates: list[int]) -> list[int]:
    """Where the membership itself changes, with both neighbours, and an even choice of the other candidates."""
    own = {at for span in membership.spans for at in (span.since_ms, span.until_ms) if at is not None}
    around = {at + nudge for at in own for nudge in (-1, 0, 1)}
    spread = candidates[:: len(candidates) // MOMENTS + 1]
    return [at for at in sorted({*around, *spread}) if at >= membership.latest_ms and membership.is_exact_at(at)]


def _profile(events: list[Event]) -> Profile:
    profile = None
    for event in events:
        profile = add(profile, event, KEEP_ALL)
    assert profile is not None
    return profile


def _catalog(rule: Rule) -> Catalog:
    return Catalog().put("segment", SegmentDefinition(name="segment", rule=str(rule)), KEEP_ALL)


def _stored(state: UserState) -> UserState:
    """The state as it is after a restart of the worker: read back from its bytes."""
    if state.profile is None or state.membership is None:
        return state
    return UserState(
        decode_profile(encode_profile(state.profile)), decode_membership(encode_membership(state.membership))
    )
