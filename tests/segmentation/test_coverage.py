"""Since when a profile holds what a rule looks at, with logs that are cut so short that much falls off them."""

import os
from collections.abc import Sequence
from datetime import UTC
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note, settings

from services.segmentation import profile as profiles
from services.segmentation.coverage import covered_since
from services.segmentation.events import Event
from services.segmentation.intervals import Intervals, clip
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from services.segmentation.rules.scene import Scene
from tests.oracle.strategies import cases

MANY = settings(max_examples=10_000 if os.environ.get("TRANCHE_TEST_LONG") else 150, deadline=None)
T = 1_795_342_500_000  # 2026-11-22 10:15 UTC, a Sunday
HOUR, DAY = 3_600_000, 86_400_000


@MANY
@given(case=cases())
def test_a_rule_of_which_nothing_is_missing_is_exact_and_later_events_never_are_missing(
    case: tuple[Rule, list[Event]],
) -> None:
    rule, events = case
    short, whole = _profile(events, retained=3), _profile(events, retained=256)
    since_ms = covered_since(rule, short)
    note(f"{rule}: {since_ms}")
    if since_ms is None:
        assert _moments(rule, short) == _moments(rule, whole)
    else:
        forgotten = [_times_ms(whole, name)[: -len(_times_ms(short, name))] for name in short.types]
        assert since_ms - 1 in {times_ms[-1] for times_ms in forgotten if times_ms}
    assert covered_since(rule, whole) is None


def _profile(events: Sequence[Event], retained: int) -> Profile:
    with patch.object(profiles, "RETAINED", retained):
        profile = add_all(None, events, KEEP_ALL)
    assert profile is not None
    return profile


def _moments(rule: Rule, profile: Profile) -> Intervals:
    found = evaluator(rule)(Scene(profile, UTC))
    assert isinstance(found, tuple)
    return clip(found, profile.latest_ms)


def _times_ms(profile: Profile, event_type: str) -> list[int]:
    return [entry.ts_ms for entry in profile.types[event_type].entries]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("count('view') >= 1 and sum('view', 'value') > 0 and avg('view', 'value') > 0", None),
        ("tenure() > '1d' or trait('x') or last('device.type') == 'a' or listed('l') or request('a') == 'b'", None),
        ("segment('other')", None),
        ("count('other') == 0", None),
        ("since('view') < '1d'", None),
        ("since('view', category='a') < '1d'", None),
        ("since('view', category='b') < '1d'", T - 3 * HOUR + 1),
        ("count('view', category='a') >= 1", T - 3 * HOUR + 1),
        ("distinct('view', 'category') >= 1", T - 3 * HOUR + 1),
        ("decayed('view', halflife='1h') > 1", T - 3 * HOUR + 1),
        ("share('view', 'category', 'a', halflife='1h') > 0.5", T - 3 * HOUR + 1),
        ("sequence('view', 'buy')", T - 3 * HOUR + 1),
        ("sequence('view', 'view') > since('buy')", T - 3 * HOUR + 1),
        ("since('buy') > sequence('view', 'view')", T - 3 * HOUR + 1),
        ("count('view', within='3h') >= 1", None),
        ("count('view', within='10800001ms') >= 1", T - 3 * HOUR + 1),
        ("count('view', within='today') >= 1", T - 3 * HOUR + 1),
        ("sum('view', 'value', within='1h') in [1] or not count('view', within='1d') > 3", T - 3 * HOUR + 1),
    ],
)
def test_each_term_looks_back_as_far_as_it_does(rule: str, expected: int | None) -> None:
    events = [Event(f"e{n}", "u", "view", T - n * HOUR, properties={"category": "a"}) for n in range(6)]
    assert covered_since(parse(rule), _profile(events, retained=3)) == expected


def test_calendar_windows_begin_by_the_clocks_of_the_space() -> None:
    events = [Event(f"e{n}", "u", "view", T - n * HOUR) for n in range(6)]
    short = _profile(events, retained=5)
    rule = parse("count('view', within='today') >= 1")
    assert covered_since(rule, short, UTC) == T - 5 * HOUR + 1
    assert covered_since(rule, short, ZoneInfo("America/Los_Angeles")) is None
