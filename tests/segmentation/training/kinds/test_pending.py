"""Labels are decided when the horizon is over, whatever comes late, and however many wait."""

from collections import Counter

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.samples import Outcome, Sample, Told
from services.segmentation.training.kinds.pending import Pending, spread

WITHIN_MS, GRACE_MS = 100, 10


def sample(user: int, at_ms: int) -> Sample:
    return Sample(user, at_ms, (float(at_ms),))


def labels(stream: list[Told], pending: Pending) -> list[Sample]:
    found: list[Sample] = []
    for told in stream:
        if isinstance(told, Sample):
            pending.sampled(told)
        else:
            pending.happened(told)
        found += pending.decided()
    return found


def decided(stream: list[Told]) -> list[tuple[int, int, bool | None]]:
    found = labels([*stream, sample(0, 10_000)], Pending(WITHIN_MS, GRACE_MS))
    return [(each.user, each.at_ms, each.label) for each in found]


def test_what_happens_after_the_sample_and_up_to_the_horizon_counts() -> None:
    for happened_ms, label in ((999, False), (1_000, False), (1_001, True), (1_100, True), (1_101, False)):
        assert decided([sample(1, 1_000), Outcome(1, happened_ms)]) == [(1, 1_000, label)]


def test_what_is_told_of_late_counts_within_the_grace() -> None:
    assert decided([sample(1, 1_000), sample(2, 1_110), Outcome(1, 1_100)])[0] == (1, 1_000, True)
    assert decided([sample(1, 1_000), sample(2, 1_111), Outcome(1, 1_100)])[0] == (1, 1_000, False)


def test_what_another_user_does_is_nothing() -> None:
    assert decided([sample(1, 1_000), Outcome(2, 1_001)]) == [(1, 1_000, False)]


def test_who_does_it_at_once_is_not_decided_before_who_does_not() -> None:
    stream: list[Told] = [sample(1, 1_000), sample(2, 1_001), Outcome(2, 1_002)]
    pending = Pending(WITHIN_MS, GRACE_MS)
    assert labels(stream, pending) == []
    assert len(pending) == 2
    assert decided(stream) == [(1, 1_000, False), (2, 1_001, True)]


def test_one_deed_counts_for_every_sample_that_it_follows_in_time() -> None:
    stream: list[Told] = [sample(1, 1_000), sample(1, 1_050), Outcome(1, 1_120)]
    assert decided(stream) == [(1, 1_000, False), (1, 1_050, True)]


def test_a_sample_whose_horizon_is_over_when_it_is_told_of_is_not_taken_for_one_who_did_nothing() -> None:
    pending = Pending(WITHIN_MS, GRACE_MS)
    assert labels([sample(1, 5_000), sample(2, 1_000), sample(3, 10_000)], pending) == [
        Sample(1, 5_000, (5_000.0,), label=False)
    ]
    assert pending.dropped == 1


TOLD = st.lists(
    st.builds(sample, st.integers(0, 4), st.integers(0, 600))
    | st.builds(Outcome, st.integers(0, 4), st.integers(0, 600)),
    max_size=60,
)


@given(TOLD)
def test_labels_are_those_that_reading_everything_gives(stream: list[Told]) -> None:
    stream.sort(key=lambda told: told.at_ms)
    expected = sorted(
        (each.at_ms, each.user, any(_follows(other, each) for other in stream))
        for each in stream
        if isinstance(each, Sample)
    )
    assert sorted((at_ms, user, label) for user, at_ms, label in decided(stream)) == expected


def _follows(told: Told, each: Sample) -> bool:
    return isinstance(told, Outcome) and told.user == each.user and 0 < told.at_ms - each.at_ms <= WITHIN_MS


def test_when_too_many_wait_learning_goes_on_with_a_part_of_the_users() -> None:
    pending = Pending(100_000, GRACE_MS, capacity=200)
    stream: list[Told] = [sample(number * 37 % 4_000, number * 40) for number in range(20_000)]
    found, most = [], 0
    for told in stream:
        found += labels([told], pending)
        most = max(most, len(pending))
    assert most <= 200
    assert len(found) >= 400
    assert len(found) + len(pending) + pending.dropped == 20_000
    by_time = Counter(each.at_ms // 100_000 for each in found)
    assert all(by_time[stretch] >= 20 for stretch in range(1, 7))


def test_when_fewer_wait_all_are_followed_again() -> None:
    pending = Pending(100_000, GRACE_MS, capacity=200)
    labels([sample(number, number * 40) for number in range(5_000)], pending)
    labels([sample(number, 1_000_000 + number * 4_000) for number in range(500)], pending)
    dropped = pending.dropped
    labels([sample(number, 4_000_000 + number * 4_000) for number in range(100)], pending)
    assert pending.dropped == dropped


def test_one_user_alone_cannot_fill_it() -> None:
    pending = Pending(100_000, GRACE_MS, capacity=20)
    labels([sample(0, number) for number in range(1_000)], pending)
    assert len(pending) == 20


def test_the_oldest_is_decided_first_also_after_some_were_dropped() -> None:
    pending = Pending(WITHIN_MS, GRACE_MS, capacity=20)
    labels([sample(number, 1_000 - number % 7 * 10) for number in range(21)], pending)
    moments = [each.at_ms for each in labels([sample(0, 10_000)], pending)]
    assert len(moments) >= 5
    assert moments == sorted(moments)


def test_time_goes_on_with_what_users_do() -> None:
    assert labels([sample(1, 1_000), Outcome(2, 1_111)], Pending(WITHIN_MS, GRACE_MS)) != []


def test_nothing_is_left_of_who_was_decided() -> None:
    pending = Pending(WITHIN_MS, GRACE_MS)
    labels([sample(number, number) for number in range(50)] + [Outcome(0, 10_000)], pending)
    assert len(pending) == 0
    assert not pending._of_user


def test_what_was_stopped_goes_on_the_same() -> None:
    pending = Pending(100_000, GRACE_MS, capacity=200)
    labels([sample(number * 37 % 4_000, number * 40) for number in range(5_000)], pending)
    again = Pending.resume(100_000, GRACE_MS, orjson.loads(orjson.dumps(pending.state())))
    assert again.dropped == pending.dropped > 0
    rest: list[Told] = [Outcome(number * 37 % 4_000, 200_000 + number) for number in range(300)]
    rest += [sample(number * 37 % 4_000, 200_001 + number * 40) for number in range(50)]
    assert labels(rest, again) == labels(rest, pending) != []
    assert again.state() == pending.state()


def test_users_are_spread_evenly_be_they_only_numbered() -> None:
    halves = Counter(spread(user) >= 2**63 for user in range(10_000))
    assert abs(halves[True] - 5_000) < 200
