"""Counting boundaries instead of users: at every moment it comes to the same, whichever way time is cut."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.membership import Membership, Span
from services.segmentation.sizes import MAX_SPACES, ORDINALS, Tally, net, segment_of
from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS, Stretch, Wheel
from services.segmentation.wire.sizes import decode_records, decode_turn, encode_records, encode_turn

NOW_MS = 1_732_190_400_000
MOMENTS = st.one_of(
    st.integers(NOW_MS - 3 * DAY_MS, NOW_MS + 60 * DAY_MS),
    st.sampled_from([MINUTE_MS, HOUR_MS, DAY_MS]).flatmap(
        lambda unit: st.builds(lambda number, by: NOW_MS + number * unit + by, st.integers(-3, 50), st.integers(-1, 1))
    ),
)
WHEELS = st.builds(Wheel.at, st.integers(NOW_MS - 3 * DAY_MS, NOW_MS + DAY_MS))
SPANS = st.builds(
    lambda ordinal, since_ms, length_ms: Span(ordinal, since_ms, None if length_ms is None else since_ms + length_ms),
    st.integers(0, 3),
    MOMENTS,
    st.none() | st.integers(1, 9 * DAY_MS),
)
MEMBERSHIPS = st.builds(
    lambda spans, counted: Membership(1, NOW_MS, tuple(spans), counted=counted),
    st.lists(SPANS, max_size=5, unique=True),
    st.booleans(),
)
CHANGES = st.lists(st.tuples(st.integers(0, 2), st.none() | MEMBERSHIPS, MEMBERSHIPS), max_size=6)
Change = tuple[int, Membership | None, Membership]


@given(wheel=WHEELS, at_ms=MOMENTS)
def test_every_moment_that_is_not_over_is_in_one_stretch(wheel: Wheel, at_ms: int) -> None:
    if at_ms > wheel.over_ms:
        stretch = wheel.holding(at_ms)
        assert stretch.begin_ms < at_ms <= stretch.end_ms
        assert [*wheel.ahead(at_ms)][-1] == stretch


@given(wheel=WHEELS, until_ms=MOMENTS)
def test_the_stretches_follow_on_each_other_from_what_is_over(wheel: Wheel, until_ms: int) -> None:
    ends_ms = [wheel.over_ms]
    for stretch in wheel.ahead(until_ms):
        assert stretch.begin_ms == ends_ms[-1]
        assert stretch.begin_ms % stretch.length_ms == 0
        ends_ms.append(stretch.end_ms)
    assert ends_ms[-1] >= until_ms or len(ends_ms) == 1
    assert ends_ms == sorted(ends_ms)


@given(wheel=WHEELS, now_ms=MOMENTS)
def test_a_turned_wheel_tells_the_next_minutes_and_the_next_hours(wheel: Wheel, now_ms: int) -> None:
    due_ms, steps = wheel.due_ms, 0
    while turned := wheel.turned(now_ms):
        stretch, after = turned
        assert now_ms >= wheel.due_ms
        assert_cut_anew(stretch, wheel, after)
        wheel, steps = after, steps + 1
    assert now_ms < wheel.due_ms
    assert (steps > 0) == (now_ms >= due_ms)
    assert wheel.over_ms > now_ms - MINUTE_MS
    for at_ms, longest_ms in ((now_ms + 5 * MINUTE_MS, MINUTE_MS), (now_ms + DAY_MS, HOUR_MS)):
        assert at_ms <= wheel.over_ms or wheel.holding(at_ms).length_ms <= longest_ms


def assert_cut_anew(stretch: Stretch, before: Wheel, after: Wheel) -> None:
    """It was a stretch of the one wheel, and is over or cut finer by the other."""
    assert before.holding(stretch.end_ms) == before.holding(stretch.begin_ms + 1) == stretch
    if after.over_ms < stretch.end_ms:
        finer = [part for part in after.ahead(stretch.end_ms) if part.begin_ms >= stretch.begin_ms]
        assert len(finer) in {24, 60}
        assert (finer[0].begin_ms, finer[-1].end_ms) == (stretch.begin_ms, stretch.end_ms)


def test_many_wheels_turn_seldom_enough() -> None:
    wheel, steps = Wheel.at(NOW_MS), 0
    for now_ms in range(NOW_MS, NOW_MS + 7 * DAY_MS + 1, MINUTE_MS):
        while turned := wheel.turned(now_ms):
            assert now_ms >= wheel.due_ms
            wheel, steps = turned[1], steps + 1
        assert now_ms < wheel.due_ms
    assert steps == 7 * (24 * 60 + 24 + 1)
    steps = 0
    while turned := wheel.turned(NOW_MS + 30 * DAY_MS):
        wheel, steps = turned[1], steps + 1
    assert steps < 300, "after a long rest whole hours and days are over at once"


@given(changes=CHANGES, wheel=WHEELS, now_ms=MOMENTS, at_ms=MOMENTS)
def test_what_is_summed_up_to_a_moment_is_what_contains_it(
    changes: list[Change], wheel: Wheel, now_ms: int, at_ms: int
) -> None:
    at_ms = max(at_ms, now_ms, wheel.over_ms)
    assert summed(tally_of(changes, wheel, now_ms), wheel, at_ms) == containing(changes, at_ms)


@given(changes=CHANGES, wheel=WHEELS, now_ms=MOMENTS)
def test_only_what_is_to_come_is_kept_by_the_moment(changes: list[Change], wheel: Wheel, now_ms: int) -> None:
    for stretch, part in tally_of(changes, wheel, now_ms).ahead.items():
        whole = Tally(wheel, wheel.over_ms)
        whole.add_records(stretch, part.records)
        again = Tally(wheel, now_ms)
        again.add_records(stretch, part.records)
        assert again.ahead == whole.ahead == {stretch: part}


@given(changes=CHANGES, wheel=WHEELS, now_ms=MOMENTS)
def test_it_is_the_same_when_the_wheel_has_turned(changes: list[Change], wheel: Wheel, now_ms: int) -> None:
    tally = tally_of(changes, wheel, wheel.over_ms)
    while turned := wheel.turned(now_ms):
        stretch, wheel = turned
        part = tally.ahead.pop(stretch, None)
        tally = after(tally, wheel)
        if part is not None:
            tally.add_records(stretch, net(decode_records(encode_records(part.records))))
    at_ms = max(now_ms, wheel.over_ms)
    assert summed(tally, wheel, at_ms) == containing(changes, at_ms)


@given(records=st.lists(st.integers(0, 7)))
def test_netting_leaves_what_was_not_taken_back(records: list[int]) -> None:
    numbers = Counter(records)
    left = Counter(net(records))
    for record in range(0, 8, 2):
        come, go = numbers[record], numbers[record + 1]
        assert (left[record], left[record + 1]) == (max(0, come - go), max(0, go - come))


def test_what_happens_when_the_past_ends_belongs_to_it() -> None:
    wheel = Wheel.at(NOW_MS)
    tally = Tally(wheel, NOW_MS - DAY_MS)
    tally.add(7, wheel.over_ms, 1)
    assert (tally.over, tally.ahead) == ({7: 1}, {})


def test_a_record_holds_the_last_segment_of_the_last_space_at_the_end_of_a_day() -> None:
    wheel = Wheel(0, 0, 0)
    tally = Tally(wheel, 0)
    counter = (MAX_SPACES - 1) * ORDINALS + ORDINALS - 1
    tally.add(counter, 5 * DAY_MS, -1)
    other = Tally(wheel, 0)
    [(stretch, part)] = tally.ahead.items()
    other.add_records(stretch, decode_records(encode_records(part.records)))
    assert other.ahead == tally.ahead
    assert segment_of(counter) == (MAX_SPACES - 1, ORDINALS - 1)


def test_a_turn_tells_the_wheel() -> None:
    wheel = Wheel.at(NOW_MS)
    assert decode_turn(encode_turn("a-name", NOW_MS, wheel).encode()) == (NOW_MS, wheel)


def tally_of(changes: Iterable[Change], wheel: Wheel, now_ms: int) -> Tally:
    tally = Tally(wheel, now_ms)
    for space, before, new in changes:
        tally.replace(space, before, new)
    return tally


def after(tally: Tally, wheel: Wheel) -> Tally:
    """The same, to be added to by another wheel."""
    other = Tally(wheel, wheel.over_ms)
    other.over.update(tally.over)
    other.ahead.update(tally.ahead)
    return other


def summed(tally: Tally, wheel: Wheel, at_ms: int) -> dict[int, int]:
    """What is over, whole stretches that are over at the moment, and records of the one that it is in."""
    sums = Counter(tally.over)
    held = wheel.holding(at_ms) if at_ms > wheel.over_ms else None
    for stretch, part in tally.ahead.items():
        if stretch.end_ms <= at_ms:
            sums.update(part.sizes)
        elif stretch == held:
            cut = Tally(wheel, at_ms)
            cut.add_records(stretch, part.records)
            sums.update(cut.over)
    return {counter: users for counter, users in sums.items() if users}


def containing(changes: Iterable[Change], at_ms: int) -> dict[int, int]:
    users: defaultdict[int, int] = defaultdict(int)
    for space, before, new in changes:
        for span in new.at(at_ms):
            users[space * ORDINALS + span.ordinal] += 1
        for span in before.at(at_ms) if before is not None and before.counted else ():
            users[space * ORDINALS + span.ordinal] -= 1
    return {counter: number for counter, number in users.items() if number}
