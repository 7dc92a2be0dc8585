"""Features measure what the rule language says, at every moment, however the scene came about.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.explanation.claims import Claim
from services.segmentation.explanation.readings import value_at
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.models.features import NEVER_DAYS, BadFeature, Features, Measured
from services.segmentation.models.samples import BOUND, Vector
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.parse import parse_feature
from services.segmentation.rules.request import Facts
from services.segmentation.rules.scene import Scene
from tests.oracle.clocks import first_instant
from tests.oracle.judge import everything, first_arrivals, judge
from tests.oracle.moments import moments
from tests.oracle.pools import DAYS_BY_ZONE, NOON_MS, USER
from tests.oracle.rule_strategies import rules
from tests.oracle.seen import Seen
from tests.oracle.strategies import cases, deep_histories
from tests.oracle.terms import value_of
from tests.oracle.walking import walk

MANY = settings(max_examples=10_000 if os.environ.get("TRANCHE_TEST_LONG") else 100, deadline=None)
SOME = settings(max_examples=3_000 if os.environ.get("TRANCHE_TEST_LONG") else 50, deadline=None)
DAY = 86_400_000
NOW = NOON_MS + DAY

Case = tuple[nodes.Rule, list[Event], tzinfo]


@st.composite
def dated_cases(draw: st.DrawFn) -> Case:
    """A rule and a history around the beginning of a day that tells zones and calendars apart."""
    rule, events = draw(cases())
    zone = ZoneInfo(draw(st.sampled_from(sorted(DAYS_BY_ZONE))))
    by_ms = first_instant(draw(st.sampled_from(DAYS_BY_ZONE[zone.key])), zone) - NOON_MS
    return rule, [replace(event, ts_ms=max(0, event.ts_ms + by_ms)) for event in events], zone


@MANY
@given(case=dated_cases(), data=st.data())
def test_a_vector_is_what_brute_force_over_the_events_says(case: Case, data: st.DataObject) -> None:
    rule, events, zone = case
    for at_ms in data.draw(st.lists(st.sampled_from(moments(rule, events, zone=zone)), min_size=5, max_size=5)):
        check(rule, events, zone, at_ms)


@SOME
@given(rule=rules(), events=deep_histories(resend_forgotten=True), data=st.data())
def test_it_does_so_past_the_newest_256_of_a_type(rule: nodes.Rule, events: list[Event], data: st.DataObject) -> None:
    check(rule, events, UTC, data.draw(st.sampled_from(moments(rule, events))))


@MANY
@given(case=dated_cases(), data=st.data())
def test_several_moments_at_one_go_are_what_each_is_alone(case: Case, data: st.DataObject) -> None:
    rule, events, zone = case
    asked = sorted(data.draw(st.lists(st.sampled_from(moments(rule, events, zone=zone)), min_size=1, max_size=6)))
    features, profile = Features.of(texts_of(rule), KEEP_ALL), profile_of(events)
    together = features.vectors(Scene(profile, zone), asked)
    assert repr(together) == repr([features.vector(Scene(profile, zone), at_ms) for at_ms in asked])


@pytest.mark.parametrize("term", ['count("view"', 'sum("view", "value"', 'distinct("view", "value"'])
def test_an_event_leaves_a_window_as_it_gets_as_old_as_that(term: str) -> None:
    events = [Event("e", USER, "view", NOON_MS, properties={"value": 1})]
    inside, left = (vector([f'{term}, within="1d")'], events, NOON_MS + age_ms) for age_ms in (DAY - 1, DAY))
    assert (inside, left) == ((math.log1p(1),), (0,))


def test_a_condition_holds_until_it_does_not() -> None:
    views = Scene(profile_of([Event("e", USER, "view", NOON_MS)]))
    features = Features.of({"lately": 'not count("view", within="1d") == 0'}, KEEP_ALL)
    assert features.vectors(views, [NOON_MS, NOON_MS + DAY - 1, NOON_MS + DAY]) == [(1,), (1,), (0,)]


def test_what_fades_never_fades_to_nothing() -> None:
    events = [Event("e", USER, "view", NOON_MS)]
    assert vector(['decayed("view", halflife="1h")'], events, NOON_MS + 60 * DAY) == (math.ulp(0.0),)


@SOME
@given(case=dated_cases(), cuts=st.lists(st.integers(0, 20), max_size=3).map(sorted))
def test_a_scene_that_follows_the_profile_says_the_same_as_a_new_one(case: Case, cuts: list[int]) -> None:
    rule, events, zone = case
    catalog = Catalog().put("s", SegmentDefinition(name="s", rule=str(rule)), KEEP_ALL)
    features = Features.of(texts_of(rule), KEEP_ALL, catalog.shared)
    state = UserState()
    for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        state = step(state, events[begin:end], catalog, KEEP_ALL, zone)
        if state.memo is not None and state.profile is not None:
            at_ms = state.profile.latest_ms
            assert features.vector(state.memo, at_ms) == features.vector(Scene(state.profile, zone), at_ms)


@SOME
@given(case=dated_cases(), other=dated_cases())
def test_nothing_counts_but_what_features_say_they_look_at(case: Case, other: Case) -> None:
    """Another history is poured in of what no feature looks at."""
    rule, events, zone = case
    features = Features.of(texts_of(rule), KEEP_ALL)
    seen, looks_at = profile_of(events), features.looks_at
    rest = profile_of(other[1])
    types = {strand.type for strand in looks_at.strands}
    mixed = Profile(
        seen.first_ms if looks_at.first_event else rest.first_ms,
        max(seen.latest_ms, rest.latest_ms),
        chosen(seen.types, types) | without(rest.types, types),
        chosen(seen.traits, looks_at.traits) | without(rest.traits, looks_at.traits),
        chosen(seen.context, looks_at.paths) | without(rest.context, looks_at.paths),
    )
    at_ms, other_zone = mixed.latest_ms, zone if looks_at.calendar else UTC
    assert features.vector(Scene(mixed, other_zone), at_ms) == features.vector(Scene(seen, zone), at_ms)


def chosen(known: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name in names}


def without(known: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name not in names}


SHOES = {"category": "shoes", "value": 2.5}
EVENTS = [
    Event("e1", USER, "view", NOON_MS - 3 * DAY, properties=SHOES, traits={"age": 34, "vip": True, "tier": "gold"}),
    Event("e2", USER, "view", NOON_MS, properties=SHOES, context={"device": {"type": "mobile"}}),
    Event(
        "e3", USER, "view", NOON_MS, properties={"category": "hats", "value": -12}, traits={"debt": -7, "new": False}
    ),
    Event("e4", USER, "buy", NOON_MS, properties={"value": 1e300}, traits={"odd": [1, 2], "far": 1e300}),
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('count("view")', math.log1p(3)),
        ('count("view", within="2d", category="shoes")', math.log1p(1)),
        ('count("gone")', 0),
        ('sum("view", "value")', -math.log1p(7)),
        ('sum("buy", "value")', pytest.approx(BOUND, abs=1e-3)),
        ('avg("view", "value", category="shoes")', math.log1p(2.5)),
        ('avg("gone", "value")', None),
        ('distinct("view", "category")', math.log1p(2)),
        ('decayed("view", halflife="1d")', math.log1p(0.5 + 0.5 + 2**-4)),
        ('share("view", "category", "hats", halflife="3d")', pytest.approx(1 / 2.5)),
        ('share("gone", "category", "hats", halflife="3d")', 0),
        ('since("view")', math.log1p(1_440)),
        ('since("gone")', math.log1p(NEVER_DAYS * 1_440)),
        ("tenure()", math.log1p(4 * 1_440)),
        ('sequence("view", "buy")', math.log1p(1_440)),
        ('sequence("buy", "view")', math.log1p(NEVER_DAYS * 1_440)),
        ('trait("age")', math.log1p(34)),
        ('trait("debt")', -math.log1p(7)),
        ('trait("far")', pytest.approx(BOUND, abs=1e-3)),
        ('trait("vip")', 1),
        ('trait("new")', 0),
        ('trait("tier")', None),
        ('trait("odd")', None),
        ('trait("gone")', None),
        ('last("device.type")', None),
        ('last("device.type") == "mobile"', 1),
        ('last("device.type") == "tablet"', 0),
        ('not trait("vip")', 0),
        ('trait("vip") == True and count("view") >= 3', 1),
        ('trait("vip") and (trait("new") or tenure() < "1d")', 0),
        ('trait("gone") or sequence("view", "buy")', 1),
    ],
)
def test_features_are_numbers_of_like_size(text: str, value: float | None) -> None:
    assert vector([text], EVENTS, NOW) == (value,)


def test_what_was_longer_ago_than_never_is_no_farther() -> None:
    ages = [vector(['since("view")'], [Event("e", USER, "view", 0)], years * 365 * DAY)[0] for years in (9, 10, 11, 60)]
    assert ages == [math.log1p(9 * 365 * 1_440), *[math.log1p(NEVER_DAYS * 1_440)] * 3]


def test_a_trait_that_is_no_number_to_any_machine_is_missing() -> None:
    events = [Event("e", USER, "view", 0, traits={"odd": math.nan, "far": -math.inf})]
    odd, far = vector(['trait("odd")', 'trait("far")'], events, NOW)
    assert odd is None
    assert far == pytest.approx(-BOUND, abs=1e-3)


def test_vectors_have_the_order_of_the_texts() -> None:
    features = Features.of({"z": "tenure()", "a": 'count("view")', "m": 'trait("age")'}, KEEP_ALL)
    assert features.names == ("z", "a", "m")
    assert features.vector(Scene(profile_of(EVENTS)), NOW) == (math.log1p(4 * 1_440), math.log1p(3), math.log1p(34))


def test_a_feature_that_cannot_be_read_is_told_by_its_name() -> None:
    with pytest.raises(BadFeature, match=r"^feature shoes: line 1, column 15: found 'colour', which is not kept") as it:
        Features.of({"all": 'count("view")', "shoes": 'count("view", colour="red")'}, KeepList.parse("category"))
    assert (it.value.name, it.value.error.column) == ("shoes", 15)


def check(rule: nodes.Rule, events: Sequence[Event], zone: tzinfo, at_ms: int) -> None:
    texts = texts_of(rule)
    terms = [parse_feature(text) for text in texts.values()]
    scene = Scene(profile_of(events), zone)
    found = Features.of(texts, KEEP_ALL).vector(scene, at_ms)
    note(f"{texts} at {at_ms}: {found}")
    assert all(value is None or abs(value) <= BOUND for value in found)
    assert found == tuple(plainly(term, scene, at_ms) for term in terms)
    assert all(map(near, found, (brutally(term, events, at_ms, zone) for term in terms)))


def near(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-300)


def plainly(term: Measured, scene: Scene, at_ms: int) -> float | None:
    """By what explanations tell of a term, number for number; a condition by its intervals."""
    if not isinstance(term, nodes.Term):
        return float(_holds(term, scene, at_ms))
    value = value_at(term, Scene(scene.profile, scene.zone), Facts(at_ms, scene.zone), Claim(term, "=="))
    return scaled(term, value)


def _holds(condition: nodes.Condition, scene: Scene, at_ms: int) -> bool:
    match condition:
        case nodes.Not(operand):
            return not _holds(operand, scene, at_ms)
        case nodes.And(operands):
            return all(_holds(operand, scene, at_ms) for operand in operands)
        case nodes.Or(operands):
            return any(_holds(operand, scene, at_ms) for operand in operands)
    boundaries = Leaves().of(condition).evaluate(scene)
    return len([at for at in boundaries if at <= at_ms]) % 2 == 1


def brutally(term: Measured, events: Sequence[Event], at_ms: int, zone: tzinfo) -> float | None:
    if not isinstance(term, nodes.Term):
        return float(judge(term, events, at_ms, zone=zone))
    value = value_of(term, Seen(first_arrivals(events), [], at_ms, everything, {}, {}, zone))
    return scaled(term, None if value == math.inf else value)


def scaled(term: nodes.Term, value: Any) -> float | None:
    """The law of features, told once more."""
    if isinstance(term, nodes.TimeTerm):
        minutes = NEVER_DAYS * 1_440 if value is None else Fraction(value) / 60_000
        return math.log1p(min(minutes, NEVER_DAYS * 1_440))
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    if not isinstance(value, int | float | Fraction | Decimal):
        return None
    if isinstance(term, nodes.Share):
        return float(value)
    size: Any = abs(value)
    return math.log1p(min(size, 72_004_899_336)) * (-1 if value < 0 else 1)


def texts_of(rule: nodes.Rule) -> dict[str, str]:
    """The rule as a feature, and each of its terms as another."""
    terms = dict.fromkeys(str(part) for part in walk(rule) if isinstance(part, nodes.Term))
    return {f"f{number}": text for number, text in enumerate([str(rule), *terms])}


def vector(texts: Sequence[str], events: Sequence[Event], at_ms: int) -> Vector:
    named = {f"f{number}": text for number, text in enumerate(texts)}
    return Features.of(named, KEEP_ALL).vector(Scene(profile_of(events)), at_ms)


def profile_of(events: Sequence[Event]) -> Profile:
    profile = add_all(None, events, KEEP_ALL)
    assert profile is not None
    return profile
