"""The users that were sampled last."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.training.recent import Recent, Row

SAMPLES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 2**41), st.one_of(st.none(), st.booleans())), max_size=60
)


def test_a_user_who_is_sampled_again_is_there_once_as_it_is_now() -> None:
    recent = Recent()
    recent.add(1, 100, (0.5, None))
    recent.add(2, 200, (1.0, 2.0))
    recent.add(1, 300, (0.75, 3.0), label=True)
    assert recent.rows() == (Row(2, 200, (1.0, 2.0)), Row(1, 300, (0.75, 3.0), True))


def test_the_one_who_was_not_seen_for_the_longest_makes_room() -> None:
    recent = Recent(capacity=2)
    for user in (1, 2, 1, 3):
        recent.add(user, 0, (0.0,))
    assert [row.user for row in recent.rows()] == [1, 3]


@given(SAMPLES, st.integers(1, 6))
def test_it_holds_the_newest_sample_of_each_of_the_latest_users(
    samples: list[tuple[int, int, bool | None]], capacity: int
) -> None:
    recent = Recent(capacity)
    for user, at_ms, label in samples:
        recent.add(user, at_ms, (float(at_ms),), label)
    latest = {user: (at_ms, label) for user, at_ms, label in samples}
    order = list(dict.fromkeys(user for user, _, _ in reversed(samples)))[:capacity]
    expected = [Row(user, latest[user][0], (float(latest[user][0]),), latest[user][1]) for user in reversed(order)]
    assert list(recent.rows()) == expected


@given(SAMPLES, SAMPLES)
def test_one_that_was_stored_goes_on_like_the_one_that_was_not(
    before: list[tuple[int, int, bool | None]], after: list[tuple[int, int, bool | None]]
) -> None:
    kept = Recent(capacity=5)
    for user, at_ms, label in before:
        kept.add(user, at_ms, (at_ms / 7, None), label)
    restored = Recent.restore(orjson.loads(orjson.dumps(kept.state())))
    for user, at_ms, label in after:
        kept.add(user, at_ms, (at_ms / 7, None), label)
        restored.add(user, at_ms, (at_ms / 7, None), label)
    assert restored.rows() == kept.rows()
    assert restored.state() == kept.state()
