"""A timeline says at each moment what the brute-force judge says of what had happened by then."""

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings

from services.rule_tools.timeline import WEEK_MS, Timeline, timeline
from services.rule_tools.trial import Trial
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.intervals import contains
from services.segmentation.keep import KEEP_ALL
from tests.oracle.judge import judge
from tests.oracle.worlds import World, worlds
from tests.rules_reference.stories import read_story

HOUR_MS = 3_600_000
MOMENTS = 30
SOME = settings(max_examples=1_000 if os.environ.get("TRANCHE_TEST_LONG") else 15, deadline=None)


def trial(rule: str, segments: Mapping[str, str] | None = None, **more: Any) -> Trial:
    rules = {**(segments or {}), "tried": rule}
    definitions = {name: SegmentDefinition(name=name, rule=text) for name, text in rules.items()}
    return Trial(Catalog().put_all(definitions, KEEP_ALL), "tried", KEEP_ALL, **more)


def line_of(rule: str, told: str, **more: Any) -> Timeline:
    """The timeline at the `now` of a story that is told as in docs/rules.md."""
    story = read_story(f"{told}\nnow: in")
    line = timeline(trial(rule, story.segments, zone=story.zone, **more), story.facts, story.expectations[0].at_ms)
    assert line is not None
    return line


def hours(line: Timeline) -> list[tuple[float, float | None]]:
    """The spans in hours from `at_ms`."""
    return [
        ((since - line.at_ms) / HOUR_MS, None if until is None else (until - line.at_ms) / HOUR_MS)
        for since, until in line.spans
    ]


@SOME
@given(world=worlds())
def test_it_agrees_with_the_judge_at_every_moment(world: World) -> None:
    request = {path: value for path, value in world.request.items() if is_the_same_as_text(value)}
    facts = sorted(world.facts, key=lambda fact: fact.ts_ms)
    rules = {name: str(rule) for name, rule in world.segments.items()}
    for name, rule in world.segments.items():
        tried = trial(rules[name], rules, zone=world.zone, request=request)
        line = timeline(tried, world.facts, facts[-1].ts_ms if facts else 0)
        assert (line is None) == (not facts)
        for at_ms in probed(line) if line else []:
            assert line is not None
            known = [fact for fact in facts if fact.ts_ms <= at_ms]
            expected = judge(rule, known, at_ms, segments=world.segments, request=request, zone=world.zone)
            assert contains(line.moments, at_ms) == expected, (rules, at_ms)


def is_the_same_as_text(value: object) -> bool:
    """Whether a rule sees in a query's text what it sees in the JSON of a body."""
    return not isinstance(value, str) or not (value.isdecimal() or value in ("true", "false"))


def probed(line: Timeline) -> list[int]:
    """Its boundaries and those of the facts, with both neighbours, and the end, as far as it tells."""
    own = {*line.moments, *(fact.ts_ms for fact in line.facts), line.told_until_ms or line.moments[-1:] or line.at_ms}
    moments = sorted({at + nudge for at in own if isinstance(at, int) for nudge in (-1, 0, 1)})
    told = [at for at in moments if line.begins_ms <= at and (line.told_until_ms is None or at < line.told_until_ms)]
    return told[:: len(told) // MOMENTS + 1]


def test_the_past_is_as_it_was_known_then_and_the_future_as_if_nothing_else_happened() -> None:
    line = line_of('since("add_to_cart") < "2h" and since("add_to_cart") < since("purchase")', CARTS)
    assert hours(line) == [(-9, -8), (-5, -3), (-1, 1)]
    assert line.holds
    assert [(since - line.at_ms) / HOUR_MS for since, _ in line.past] == [-9, -5, -1]
    assert line.past[-1][1] == line.at_ms
    assert line.future == [(line.at_ms, line.at_ms + HOUR_MS)]


CARTS = """
    -9h add_to_cart
    -8h purchase
    -5h add_to_cart
    -1h add_to_cart
    """


def test_what_happens_later_is_not_known() -> None:
    line = line_of('count("purchase") >= 1', "-2h page_view\n+1h purchase")
    assert not line.moments
    assert len(line.facts) == 1


def test_there_is_none_before_anything_happened() -> None:
    story = read_story("+1h page_view\nnow: in")
    assert timeline(trial("tenure() < '1d'", zone=story.zone), story.facts, story.expectations[0].at_ms) is None


def test_a_span_without_an_end_has_none() -> None:
    assert hours(line_of('count("purchase") >= 1', "-2h purchase")) == [(-2, None)]


def test_a_rule_that_asks_the_clock_is_followed_for_a_week() -> None:
    told = "clock 2026-11-18 18:00 Europe/Paris\n-1h page_view context.timezone=Asia/Kolkata"
    line = line_of('request("hour") >= 22', told)
    assert line.told_until_ms == line.at_ms + WEEK_MS
    assert hours(line)[0] == (-0.5, 1.5)
    assert len(line.future) == 8


def test_a_request_that_tells_the_hour_needs_no_clock() -> None:
    line = line_of('request("hour") >= 22 and since("page_view") < "2h"', "-1h page_view", request={"hour": "23"})
    assert line.told_until_ms is None
    assert hours(line) == [(-1, 1)]
