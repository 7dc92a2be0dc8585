"""How many lookups may be under way: the policy alone. What it comes to is in test_admission_over_time.py."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from services.segment_api.door.admission import BEGIN, KEPT, LEAST, Admission

DEADLINE_S = 0.008
MOST = 256


def full(admission: Admission, now_s: float = 1.0) -> int:
    """Let in whoever comes at a moment; how many those are."""
    return next(number for number in count() if not admission.enter(now_s, now_s))


def a_while(admission: Admission, begin_s: float, long_waits: int, waits: int = 10) -> None:
    """Some come within a while, of whom the first so many wait for a turn as long as would be too long five times
    over, and not yet for a deadline; and one right after it."""
    for number in range(waits):
        now_s = begin_s + DEADLINE_S * number / waits
        admission.enter(now_s - DEADLINE_S * (0.6 if number < long_waits else 0.0), now_s)
    after_s = begin_s + DEADLINE_S * 1.01
    admission.enter(after_s, after_s)


def test_as_many_as_there_is_room_for_are_let_in_and_one_for_each_that_leaves() -> None:
    admission = Admission(DEADLINE_S, MOST)
    assert full(admission) == admission.under_way == BEGIN
    admission.leave(1.0)
    assert (full(admission), admission.under_way) == (1, BEGIN)


def test_each_round_that_fills_the_room_makes_room_for_one_more() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for _ in range(BEGIN):
        admission.leave(1.0)
        assert admission.enter(1.0, 1.0)
    assert admission.room == BEGIN + 1


def test_room_that_nobody_fills_stays_as_it_is() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for _ in range(10_000):
        assert admission.enter(1.0, 1.0)
        admission.leave(1.0)
    assert admission.room == BEGIN


def test_room_never_exceeds_what_there_may_be_at_most() -> None:
    admission = Admission(DEADLINE_S, 20)
    for _ in range(1_000):
        full(admission)
        admission.leave(1.0)
    assert admission.room == 20
    assert full(Admission(DEADLINE_S, 2)) == 2


def test_room_is_taken_away_once_for_each_while_in_which_most_wait_too_long() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    a_while(admission, 2.0, 6)
    assert admission.room == int(BEGIN * KEPT)
    a_while(admission, 3.0, 0)
    assert admission.room == int(BEGIN * KEPT)
    a_while(admission, 4.0, 6)
    assert admission.room == int(BEGIN * KEPT * KEPT)


def test_room_made_for_cheap_lookups_is_taken_away_where_dear_ones_come_too_late_to_fill_it() -> None:
    admission = Admission(DEADLINE_S, MOST)
    while admission.room < MOST:
        full(admission)
        admission.leave(1.0)
    while admission.under_way:
        admission.leave(1.0)
    for number in range(1, 5):
        moment_s = 1.0 + number
        assert not any(admission.enter(moment_s - 2 * DEADLINE_S, moment_s) for _ in range(10))
        after_s = moment_s + DEADLINE_S * 1.01
        assert admission.enter(after_s - DEADLINE_S * 0.9, after_s)
        admission.leave(after_s)
        assert admission.room == MOST * KEPT**number


def test_long_waits_that_are_not_most_of_a_while_take_no_room_away() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 4)
    assert admission.room == BEGIN


def test_some_are_let_in_however_long_turns_are() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 10)
    assert admission.room == LEAST


def test_where_lookups_are_few_they_are_not_why_turns_are_long() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 5, waits=5)
        while admission.under_way:
            admission.leave(begin_s + DEADLINE_S * 1.01)
    assert admission.room == BEGIN


def test_pages_whose_lookups_all_wait_for_a_pause_take_no_room_away_when_nobody_is_there_between_them() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for number in range(200):
        now_s = 1.0 + 0.02 * number
        assert all(admission.enter(now_s - DEADLINE_S * 0.6, now_s) for _ in range(BEGIN))
        for _ in range(BEGIN):
            admission.leave(now_s + DEADLINE_S)
    assert admission.room >= BEGIN


def test_pages_that_come_before_those_of_the_one_before_are_done_take_room_away() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for number in range(20):
        now_s = 1.0 + DEADLINE_S * 1.1 * number
        entered = sum(admission.enter(now_s - DEADLINE_S * 0.6, now_s) for _ in range(BEGIN))
        for _ in range(entered):
            admission.leave(now_s + DEADLINE_S * 0.5)
    assert admission.room < BEGIN


def test_a_lookup_whose_deadline_is_over_is_not_let_in_even_where_there_is_room() -> None:
    admission = Admission(DEADLINE_S, MOST)
    assert not admission.enter(1.0, 1.0 + DEADLINE_S * 1.01)
    assert admission.under_way == 0
    assert admission.enter(1.0, 1.0 + DEADLINE_S * 0.99)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 0.02), st.floats(0, 0.1))), st.integers(1, 40))
def test_whatever_happens_the_count_is_right_and_the_room_within_its_bounds(
    steps: list[tuple[bool, float, float]], most: int
) -> None:
    admission, now_s, inside = Admission(DEADLINE_S, most), 0.0, 0
    for leaves, waited_s, pause_s in steps:
        now_s += pause_s
        if leaves and inside:
            admission.leave(now_s)
            inside -= 1
        else:
            had_room = inside < admission.room
            let_in = admission.enter(now_s - waited_s, now_s)
            inside += let_in
            assert had_room or not let_in
        assert admission.under_way == inside <= most
        assert min(LEAST, most) <= admission.room <= most
