"""Evaluating what an event concerns gives what evaluating everything would: whatever comes, is edited or forgotten.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from typing import Literal
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation import profile as profiles
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, refresh, step
from services.segmentation.events import Event, Fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import judge
from services.segmentation.profile import add_all
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from tests.oracle.pools import NOON_MS
from tests.oracle.rule_strategies import catalogs
from tests.oracle.strategies import deep_histories
from tests.oracle.worlds import World, worlds

MANY = settings(max_examples=20_000 if os.environ.get("TRANCHE_TEST_LONG") else 100, deadline=None)
SOME = settings(max_examples=2_000 if os.environ.get("TRANCHE_TEST_LONG") else 15, deadline=None)

Between = Literal["nothing", "restart", "edit", "edit and pass", "go back"]
HAPPENINGS: list[Between] = ["nothing", "nothing", "nothing", "restart", "edit", "edit and pass", "go back"]
"""What happens between two steps. "go back": the write of the last failed, and the state before it is used again."""


@MANY
@given(
    world=worlds(),
    edits=st.lists(catalogs(), min_size=2, max_size=2),
    between=st.lists(st.sampled_from(HAPPENINGS), min_size=12, max_size=12),
    sizes=st.lists(st.integers(1, 3), min_size=12, max_size=12),
    retained=st.sampled_from([2, 3, 256]),
    in_order=st.booleans(),
)
def test_whatever_happens_a_membership_is_as_if_everything_had_been_evaluated(
    world: World,
    edits: list[Mapping[str, Rule]],
    between: list[Between],
    sizes: list[int],
    retained: int,
    in_order: bool,
) -> None:
    facts = sorted(world.facts, key=lambda fact: fact.ts_ms) if in_order else world.facts
    catalog, state = _edited(Catalog(), world.segments), UserState()
    changes = iter(edits * 6)
    with patch.object(profiles, "RETAINED", retained), patch.object(profiles, "REMEMBERED", retained * 2):
        for chunk, happening in zip(_chunks(facts, sizes), between, strict=False):
            before, state = state, _checked(state, chunk, catalog, world)
            note(f"{happening} after {len(chunk)} facts")
            match happening:
                case "restart":
                    state = _stored(state)
                case "go back":
                    state = _checked(before, chunk, catalog, world)
                case "edit" | "edit and pass":
                    catalog = _edited(catalog, next(changes))
                    state = refresh(state, catalog, world.zone) if happening == "edit and pass" else state


@SOME
@given(world=worlds(), events=deep_histories(resend_forgotten=True), sizes=st.lists(st.integers(1, 90), min_size=60))
def test_it_is_so_past_the_newest_256_of_a_type(world: World, events: list[Event], sizes: list[int]) -> None:
    catalog, state = _edited(Catalog(), world.segments), UserState()
    for chunk in _chunks([*events], sizes):
        state = _checked(state, chunk, catalog, world)


def test_what_is_too_old_to_be_held_counts_for_a_lifetime_all_the_same() -> None:
    catalog = _edited(Catalog(), {"four": parse("count('view') >= 4")})
    with patch.object(profiles, "RETAINED", 3):
        state = step(UserState(), [_view(number) for number in (2, 3, 4)], catalog, KEEP_ALL, UTC)
        assert state.membership is not None
        assert not state.membership.spans
        state = step(state, [_view(1)], catalog, KEEP_ALL, UTC)
    assert state.membership is not None
    assert state.membership.spans


def test_what_falls_off_the_log_is_missed_by_whoever_needed_as_many() -> None:
    catalog = _edited(Catalog(), {"two": parse("count('view', within='1d', category='a') >= 2")})
    views = [replace(_view(number), properties={"category": each}) for number, each in enumerate("aabb")]
    with patch.object(profiles, "RETAINED", 3):
        state = step(UserState(), views[:3], catalog, KEEP_ALL, UTC)
        assert state.membership is not None
        assert state.membership.spans
        state = step(state, views[3:], catalog, KEEP_ALL, UTC)
    assert state.membership is not None
    assert not state.membership.spans


def test_what_is_packed_up_to_a_moment_is_packed_anew_when_something_else_happens() -> None:
    rules = {"odd": parse("count('view', within='1h') in [1, 3, 5, 7, 9, 11]"), "buyer": parse("since('buy') < '1d'")}
    catalog = _edited(Catalog(), rules)
    state = step(UserState(), [_view(number) for number in range(11)], catalog, KEEP_ALL, UTC)
    after = step(state, [Event("b", "u", "buy", 3_600_003)], catalog, KEEP_ALL, UTC)
    assert state.membership is not None
    assert after.profile is not None
    assert state.membership.exact_until_ms is not None
    assert after.membership == judge(after.profile, catalog, UTC, state.membership)


@pytest.mark.parametrize("restarts", [False, True])
def test_what_changes_a_segment_changes_those_that_are_composed_of_it(restarts: bool) -> None:
    texts = {"two": "count('view') >= 2", "both": "segment('two') and count('buy') == 0", "none": "not segment('both')"}
    catalog, state = _edited(Catalog(), {name: parse(text) for name, text in texts.items()}), UserState()
    for number, expected in enumerate([{"none"}, {"two", "both"}, {"two", "both"}]):
        state = step(_stored(state) if restarts and number else state, [_view(number)], catalog, KEEP_ALL, UTC)
        assert state.membership is not None
        assert {catalog.by_ordinal[span.ordinal].id for span in state.membership.spans} == expected


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("types", [["view", "buy", "search"], ["search", "buy", "view"], ["buy", "view", "search"]])
def test_a_rule_holds_whichever_of_its_leaves_was_true_first(types: list[str], restarts: bool) -> None:
    texts = {
        "all": "count('view') >= 1 and count('buy') >= 1 and count('search') >= 1",
        "part": "segment('all') and count('view') >= 1",
    }
    catalog, state = _edited(Catalog(), {name: parse(text) for name, text in texts.items()}), UserState()
    for number, event_type in enumerate(types):
        assert state.membership is None or not state.membership.spans
        before = _stored(state) if restarts and number else state
        state = step(before, [Event(event_type, "u", event_type, number)], catalog, KEEP_ALL, UTC)
    assert state.membership is not None
    assert len(state.membership.spans) == 2


def test_a_state_that_was_left_behind_is_still_right() -> None:
    catalog = _edited(Catalog(), {"three": parse("count('view') >= 3")})
    first = step(UserState(), [_view(1)], catalog, KEEP_ALL, UTC)
    second = step(first, [_view(2)], catalog, KEEP_ALL, UTC)
    again = step(first, [_view(2)], catalog, KEEP_ALL, UTC)
    assert again == second
    assert step(again, [_view(3)], catalog, KEEP_ALL, UTC) == step(second, [_view(3)], catalog, KEEP_ALL, UTC)


def test_a_step_that_fails_half_way_leaves_nothing_behind() -> None:
    catalog = _edited(Catalog(), {"two": parse("count('view') >= 2")})
    state = step(UserState(), [_view(1)], catalog, KEEP_ALL, UTC)
    broken = replace(_view(3), properties=None)  # type: ignore[arg-type]  # to fail somewhere
    with suppress(AttributeError):
        step(state, [_view(2), broken], catalog, KEEP_ALL, UTC)
    after = step(state, [_view(2)], catalog, KEEP_ALL, UTC)
    assert after.membership == step(UserState(), [_view(1), _view(2)], catalog, KEEP_ALL, UTC).membership


def test_after_a_restart_by_other_clocks_calendar_days_begin_by_those() -> None:
    catalog = _edited(
        Catalog(), {"today": parse("count('view', within='today') >= 1"), "buyer": parse("since('buy') < '1d'")}
    )
    state = step(UserState(), [_view(NOON_MS)], catalog, KEEP_ALL, UTC)
    tokyo = ZoneInfo("Asia/Tokyo")
    after = step(_stored(state), [Event("b", "u", "buy", NOON_MS + 1)], catalog, KEEP_ALL, tokyo)
    assert after.profile is not None
    assert after.membership == judge(after.profile, catalog, tokyo, state.membership)


def _view(number: int) -> Event:
    return Event(f"e{number}", "u", "view", number)


def _checked(before: UserState, facts: list[Fact], catalog: Catalog, world: World) -> UserState:
    """The state after a step, compared with adding the facts and evaluating everything."""
    after = step(before, facts, catalog, KEEP_ALL, world.zone)
    profile = add_all(before.profile, facts, KEEP_ALL)
    assert profile is not None
    assert after.profile == profile
    if after is not before:
        assert after.membership == judge(profile, catalog, world.zone, before.membership)
    return after


def _chunks(facts: list[Fact], sizes: list[int]) -> Iterator[list[Fact]]:
    at = 0
    for size in sizes:
        if at < len(facts):
            yield facts[at : at + size]
        at += size


def _edited(catalog: Catalog, rules: Mapping[str, Rule]) -> Catalog:
    definitions = {name: SegmentDefinition(name=name, rule=str(rule)) for name, rule in rules.items()}
    return catalog.put_all(definitions, KEEP_ALL)


def _stored(state: UserState) -> UserState:
    """The state as it is after a restart of the worker: read back from its bytes."""
    assert state.profile is not None
    assert state.membership is not None
    profile, membership = encode_profile(state.profile), encode_membership(state.membership)
    return UserState(decode_profile(profile), decode_membership(membership))


@pytest.mark.parametrize("order", [("written", "rounded"), ("rounded", "written")])
def test_thresholds_that_python_calls_equal_are_as_different_as_they_are_written(order: tuple[str, str]) -> None:
    rules = {
        "written": "sum('buy', 'value') >= 1152921504606846976",
        "rounded": "sum('buy', 'value') >= 1.152921504606847e18",
    }
    definitions = {name: SegmentDefinition(name=name, rule=rules[name]) for name in order}
    catalog = Catalog().put_all(definitions, KEEP_ALL)
    bought = Event("e-1", "u-1", "buy", 1_000, properties={"value": 1152921504606846976})
    membership = step(UserState(), [bought], catalog, KEEP_ALL, UTC).membership
    assert membership
    assert [span.ordinal for span in membership.spans] == [catalog.segments["written"].ordinal]
