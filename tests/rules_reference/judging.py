"""Whether a rule holds at a moment of a story: by the product's own way of a lookup, and by brute force."""

from collections.abc import Mapping
from typing import Any

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.intervals import contains
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile
from services.segmentation.rules.parse import parse
from services.segmentation.rules.request import TIME_ZONE, Facts, answer
from services.segmentation.rules.residual import settle
from services.segmentation.time_zones import zone_named
from tests.oracle.judge import judge as judge_by_force
from tests.rules_reference.stories import Expectation, Story

JUDGED = "judged"


def holds(rule: str, story: Story, expected: Expectation) -> bool:
    """As a worker and a lookup find it, event by event. A user of whom nothing is known has an empty profile."""
    catalog = _catalog(rule, story)
    state = UserState()
    for fact in expected.facts:
        state = step(state, [fact], catalog, KEEP_ALL, story.zone)
    if state.membership is None and not catalog.ready[JUDGED].asks:
        return False
    membership = state.membership or judge(Profile(None, 0), catalog, story.zone)
    return _is_in(membership, catalog, story, expected)


def holds_by_force(rule: str, story: Story, expected: Expectation) -> bool:
    rules = {segment_id: parse(each.definition.rule) for segment_id, each in _catalog(rule, story).segments.items()}
    return judge_by_force(
        rules[JUDGED],
        expected.facts,
        expected.at_ms,
        segments=rules,
        request=expected.request,
        zone=story.zone,
    )


def _catalog(rule: str, story: Story) -> Catalog:
    rules = {**story.segments, JUDGED: rule}
    definitions = {segment_id: SegmentDefinition(name=segment_id, rule=text) for segment_id, text in rules.items()}
    return Catalog().put_all(definitions, KEEP_ALL)


def _is_in(membership: Membership, catalog: Catalog, story: Story, expected: Expectation) -> bool:
    segment = catalog.segments[JUDGED]
    for ordinal, residual in membership.residuals:
        if ordinal == segment.ordinal:
            facts = Facts(expected.at_ms, _zone(membership, story, expected.request), expected.request)
            answers = [answer(question, facts) for question in catalog.ready[JUDGED].questions]
            return contains(settle(residual, answers.__getitem__), expected.at_ms)
    return any(span.ordinal == segment.ordinal for span in membership.at(expected.at_ms))


def _zone(membership: Membership, story: Story, request: Mapping[str, Any]) -> Any:
    named = request.get(TIME_ZONE) or membership.time_zone
    return (zone_named(named) if isinstance(named, str) else None) or story.zone
