"""What other segments, lists and the ad request say in a rule, one small example a sentence of the specification."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.segmentation.events import Fact
from services.segmentation.rules.nodes import (
    And,
    Compare,
    Count,
    InSegment,
    Listed,
    Member,
    Not,
    Or,
    Request,
    Rule,
    Since,
    Tenure,
    Trait,
)
from tests.oracle.examples import (
    EQUAL,
    GREATER,
    LESS,
    NOTHING_HOLDS,
    ONLY_UNEQUAL,
    duration,
    entry,
    event,
    known,
    truths,
    views,
)
from tests.oracle.judge import judge
from tests.oracle.rule_strategies import literal

SEEN = [event("view", 50)]
LOOKED = Compare(Count(views(within=10)), ">=", literal(1))
ON_MOBILE = Compare(Request("device.type"), "==", literal("mobile"))


COMPOSED: dict[str, Rule] = {
    "looked": LOOKED,
    "not-looked": Not(InSegment("looked")),
    "either": Or((InSegment("looked"), InSegment("not-looked"))),
    "looked-mobile": And((InSegment("looked"), ON_MOBILE)),
    "mobile": ON_MOBILE,
    "new": Compare(Count(views()), "==", literal(0)),
}


class TestSegments:
    @pytest.mark.parametrize(("at_ms", "is_in"), [(50, True), (59, True), (60, False)])
    def test_it_is_the_rule_of_the_other_segment_at_the_moment(self, at_ms: int, is_in: bool) -> None:
        assert judge(InSegment("looked"), SEEN, at_ms, segments=COMPOSED) == is_in
        assert judge(InSegment("not-looked"), SEEN, at_ms, segments=COMPOSED) != is_in

    def test_segments_are_made_of_segments(self) -> None:
        assert judge(InSegment("either"), SEEN, 60, segments=COMPOSED)

    def test_the_request_reaches_the_other_segment(self) -> None:
        assert judge(InSegment("looked-mobile"), SEEN, 50, segments=COMPOSED, request={"device.type": "mobile"})
        assert not judge(InSegment("looked-mobile"), SEEN, 50, segments=COMPOSED)


class TestLists:
    ON = Listed("vip")

    def test_only_who_is_put_on_it_is_on_it(self) -> None:
        assert judge(self.ON, [entry("vip", 10)], 10)
        assert not judge(self.ON, [entry("other", 10)], 10)
        assert not judge(self.ON, SEEN, 50)

    @pytest.mark.parametrize(("at_ms", "is_on"), [(10, True), (89, True), (90, False), (91, False)])
    def test_an_entry_counts_until_just_before_its_end(self, at_ms: int, is_on: bool) -> None:
        assert judge(self.ON, [entry("vip", 10, until_ms=90)], at_ms) == is_on

    def test_one_that_ends_before_it_begins_never_counts(self) -> None:
        assert not judge(self.ON, [entry("vip", 10, until_ms=10)], 10)

    def test_one_without_an_end_stays(self) -> None:
        assert judge(self.ON, [entry("vip", 10)], 10**13)

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_newest_entry_decides_alone_however_it_arrives(self, order: int) -> None:
        off = [entry("vip", 10), entry("vip", 20, listed=False)]
        assert not judge(self.ON, off[::order], 30)
        shortened = [entry("vip", 10), entry("vip", 20, until_ms=25)]
        assert not judge(self.ON, shortened[::order], 30)
        back = [*off, entry("vip", 25)]
        assert judge(self.ON, back[::order], 30)

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_the_same_time_the_greater_id_decides(self, order: int) -> None:
        tied = [entry("vip", 10, "9", listed=False), entry("vip", 10, "10")]
        assert not judge(self.ON, tied[::order], 30)

    def test_an_entry_that_takes_off_has_no_end(self) -> None:
        assert not judge(self.ON, [entry("vip", 10, listed=False, until_ms=20)], 15)

    def test_an_entry_is_no_event_and_an_event_no_entry(self) -> None:
        facts: list[Fact] = [*SEEN, entry("vip", 10, SEEN[0].event_id)]
        assert judge(self.ON, facts, 60)
        assert truths(Count(views()), literal(1), facts, 60) == EQUAL
        assert truths(Tenure(), duration(10), facts, 60) == EQUAL

    def test_who_is_known_from_lists_alone_has_no_first_event(self) -> None:
        assert truths(Tenure(), duration(10**14), [entry("vip", 10)]) == GREATER
        assert truths(Tenure(), Since(views()), [entry("vip", 10)]) == NOTHING_HOLDS
        assert judge(Compare(Count(views()), "==", literal(0)), [entry("other", 10)], 20)

    def test_a_moment_before_the_latest_entry_is_not_asked_about(self) -> None:
        with pytest.raises(AssertionError):
            judge(self.ON, [entry("other", 50)], 49)


class TestRequests:
    DEVICE = Request("device.type")

    @pytest.mark.parametrize(
        ("told", "written", "expected"),
        [
            ("mobile", "mobile", EQUAL),
            ("a", "b", LESS),
            (18.0, 18, EQUAL),
            (0.1, 0.2, LESS),
            (True, True, EQUAL),
            (True, 1, ONLY_UNEQUAL),
            (1, "1", ONLY_UNEQUAL),
            ("1", 1, ONLY_UNEQUAL),
            (None, None, ONLY_UNEQUAL),
            (["mobile"], "mobile", ONLY_UNEQUAL),
            ({}, "mobile", ONLY_UNEQUAL),
        ],
    )
    def test_it_compares_as_the_latest_values_do(self, told: Any, written: Any, expected: list[str]) -> None:
        request = {"device.type": told}
        assert truths(self.DEVICE, literal(written), SEEN, request=request) == expected

    def test_missing_is_none(self) -> None:
        assert truths(self.DEVICE, literal("mobile"), SEEN, request={"device": "mobile"}) == ONLY_UNEQUAL

    def test_in_and_not_in(self) -> None:
        listed = Member(self.DEVICE, (literal("tv"), literal("mobile")))
        assert judge(listed, SEEN, 100, request={"device.type": "mobile"})
        assert not judge(listed, SEEN, 100, request={"device.type": "desktop"})
        assert judge(replace(listed, negated=True), SEEN, 100)

    def test_what_events_told_of_the_context_is_something_else(self) -> None:
        assert not judge(ON_MOBILE, [known(1, **{"device.type": "mobile"})], 100)


class TestUnknownUsers:
    NOBODY: Sequence[Fact] = ()

    def is_in(self, rule: Rule) -> bool:
        return judge(rule, self.NOBODY, 100, segments=COMPOSED, request={"device.type": "mobile"})

    def test_they_are_in_segments_that_ask_for_the_request(self) -> None:
        assert self.is_in(ON_MOBILE)
        assert self.is_in(InSegment("mobile"))
        assert not self.is_in(Not(ON_MOBILE))

    def test_they_have_no_events_traits_or_lists_there(self) -> None:
        assert self.is_in(And((ON_MOBILE, Compare(Count(views()), "==", literal(0)))))
        assert self.is_in(And((ON_MOBILE, InSegment("new"))))
        assert self.is_in(And((ON_MOBILE, Compare(Since(views()), ">", duration(10**14)))))
        assert not self.is_in(And((ON_MOBILE, Compare(Trait("age"), ">", literal(0)))))
        assert not self.is_in(And((ON_MOBILE, Listed("vip"))))

    def test_they_are_in_no_other(self) -> None:
        assert not self.is_in(Compare(Count(views()), "==", literal(0)))
        assert not self.is_in(InSegment("new"))
        assert not self.is_in(Not(Listed("vip")))

    def test_a_request_that_cannot_matter_was_asked_for_all_the_same(self) -> None:
        assert self.is_in(Or((Compare(Count(views()), "==", literal(0)), ON_MOBILE)))
