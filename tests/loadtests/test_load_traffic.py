"""What the load is made of: when, who and what."""

import json
import math
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.traffic.actions import Actions, Ask, Crowd, batch, event, lookup, page
from loadtests.load.traffic.arrivals import arrivals
from loadtests.load.traffic.scenarios import SCENARIOS
from loadtests.load.traffic.visitors import SPACE
from loadtests.load.traffic.zipf import Zipf
from services.segmentation.events import read_event

NOW_MS = 1_732_240_000_123
CROWD = Crowd(seed=7, users=1_000, exponent=0.9, run="run")


@given(st.floats(0.5, 2_000), st.floats(0.5, 5))
def test_a_steady_rate_comes_evenly_and_in_full(rate: float, seconds: float) -> None:
    moments = list(arrivals(lambda _: rate, 0, seconds))
    assert abs(len(moments) - rate * seconds) <= 1 + 1e-9  # sums of floats are not exact
    assert all(0 <= each < seconds for each in moments)
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == pytest.approx([1 / rate] * len(gaps), abs=1e-6)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_rate_follows_the_shape(name: str) -> None:
    shape, seconds = SCENARIOS[name].shape, 100.0
    seen = Counter(int(at_s) for at_s in arrivals(lambda t: 200 * shape(t / seconds), 0, seconds))
    for second in range(100):
        wanted = sum(200 * shape((second + (step + 0.5) / 100) / seconds) for step in range(100)) / 100
        assert abs(seen[second] - wanted) <= 2, (name, second)


def test_no_rate_brings_nothing_and_a_shape_may_begin_with_none() -> None:
    assert list(arrivals(lambda _: 0.0, 0, 10)) == []
    assert len(list(arrivals(lambda t: t, 0, 10))) in {50, 51}


@pytest.mark.parametrize("exponent", [0.5, 0.9, 1.0, 1.4])
def test_users_come_as_often_as_zipf_says(exponent: float) -> None:
    users, draws = 50, 40_000
    zipf, random = Zipf(users, exponent), Random(1)
    seen = Counter(zipf.draw(random) for _ in range(draws))
    whole = sum(number**-exponent for number in range(1, users + 1))
    for number in range(1, users + 1):
        wanted = draws * number**-exponent / whole
        assert abs(seen[number] - wanted) < 5 * math.sqrt(wanted), number
    assert set(seen) == set(range(1, users + 1))


def test_a_billion_users_take_no_table() -> None:
    zipf, random = Zipf(1_000_000_000, 0.9), Random(1)
    assert all(1 <= zipf.draw(random) <= 1_000_000_000 for _ in range(1_000))


@pytest.mark.parametrize("action", [lookup, event, page, batch])
def test_an_arrival_asks_for_the_same_whoever_sends_it_and_whatever_came_before(action: object) -> None:
    def asked(numbers: range) -> dict[int, list[Ask]]:
        actions = Actions(CROWD, [(1, action)])  # type: ignore[list-item] # each is an action
        return {number: list(actions.of(number, NOW_MS)) for number in numbers}

    forwards, backwards = asked(range(50)), asked(range(49, -1, -1))
    assert forwards == backwards
    assert len({str(each) for each in forwards.values()}) > 25


def test_another_run_has_the_same_visitors_and_other_events() -> None:
    def events(run: str) -> list[dict[str, object]]:
        actions = Actions(Crowd(7, 1_000, 0.9, run), [(1, event)])
        return [json.loads(actions.of(number, NOW_MS)[0].body) for number in range(20)]

    first, second = events("first"), events("second")
    assert not {each["event_id"] for each in first} & {each["event_id"] for each in second}
    assert [{**each, "event_id": ""} for each in first] == [{**each, "event_id": ""} for each in second]


def test_events_are_of_many_sorts_and_all_fit_the_contract() -> None:
    actions = Actions(CROWD, [(1, event)])
    asked = [actions.of(number, NOW_MS)[0] for number in range(2_000)]
    read = [read_event(json.loads(each.body), NOW_MS) for each in asked]
    assert {each.type for each in read} == {"product_view", "page_view", "add_to_cart", "purchase", "search"}
    assert {each.space for each in read} == {SPACE}
    assert len({each.event_id for each in read}) == 2_000
    assert 0 < sum(each.ts_ms < NOW_MS for each in read) < 40  # some come late
    assert [each.key.decode() for each in asked] == [each.user_id for each in read]


def test_a_page_is_a_view_and_a_burst_of_lookups_of_its_visitor() -> None:
    actions = Actions(CROWD, [(1, page)])
    for number in range(100):
        view, *slots = actions.of(number, NOW_MS)
        user_id = json.loads(view.body)["user_id"]
        assert 3 <= len(slots) <= 8
        assert all(each.path.startswith(f"/v1/users/{user_id}/segments?") for each in slots)


def test_a_batch_asks_for_a_hundred_users() -> None:
    (ask,) = Actions(CROWD, [(1, batch)]).of(1, NOW_MS)
    told = json.loads(ask.body)
    assert (len(told["user_ids"]), told["space"], ask.path) == (100, SPACE, "/v1/lookup")
    assert len(set(told["user_ids"])) > 30
