"""The cache of decoded states: bounded by what it holds, and forgetful when told so."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.engine import UserState
from services.stream_worker.cache import StateCache
from tests.stream_worker.states import catalog_of, state_of

STATES = [state_of(events, catalog_of("tenure() > '1h'")) for events in (1, 2, 5, 9, 300)]


def weight_of(state: UserState) -> int:
    cache = StateCache(1_000)
    cache.put(0, "a", state)
    return cache.events


PUTS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcdef"), st.sampled_from(STATES)))


@given(puts=PUTS, bound=st.integers(1, 60))
def test_its_weight_stays_within_the_bound_and_is_what_it_holds(
    puts: list[tuple[int, str, UserState]], bound: int
) -> None:
    cache = StateCache(bound)
    for partition, member, state in puts:
        cache.put(partition, member, state)
        assert cache.events <= bound
        assert cache.events >= sum(
            len(held.profile.types["view"].entries)
            for number in range(3)
            for name in "abcdef"
            if (held := cache.get(number, name)) and held.profile
        )
    cache.drop(range(3))
    assert cache.events == 0


def test_what_was_worked_out_of_a_profile_weighs_as_well() -> None:
    worked_out = STATES[0]
    assert worked_out.memo is not None
    assert weight_of(worked_out) == weight_of(replace(worked_out, memo=None)) + worked_out.memo.weight


def test_the_user_seen_last_stays_longest() -> None:
    cache = StateCache(3 * weight_of(STATES[0]))
    for member in "abc":
        cache.put(0, member, STATES[0])
    cache.get(0, "a")
    cache.put(0, "d", STATES[0])
    assert [member for member in "abcd" if cache.get(0, member)] == ["a", "c", "d"]


def test_a_user_put_again_is_held_once() -> None:
    cache = StateCache(1_000)
    cache.put(0, "a", STATES[2])
    cache.put(0, "a", STATES[0])
    assert cache.get(0, "a") is STATES[0]
    weight = cache.events
    cache.put(0, "a", STATES[0])
    assert cache.events == weight


def test_what_weighs_more_than_the_bound_is_not_held() -> None:
    cache = StateCache(100)
    cache.put(0, "a", STATES[0])
    cache.put(0, "b", STATES[-1])
    assert (cache.get(0, "b"), cache.events) == (None, 0)


def test_users_of_the_same_name_on_other_partitions_are_others() -> None:
    cache = StateCache(1_000)
    cache.put(0, "a", STATES[0])
    cache.put(1, "a", STATES[1])
    cache.drop([0])
    assert (cache.get(0, "a"), cache.get(1, "a")) == (None, STATES[1])
