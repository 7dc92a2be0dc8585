"""The simulated shop: the same for the same seed, valid, in order, and peopled as it says."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from statistics import fmean

import pytest

from services.replay.reader import Row
from services.replay.simulation import simulate
from services.replay.simulation.personas import PERSONAS, make_visitor
from services.replay.simulation.shop import Shop
from services.replay.simulation.visits import DAY_MS, HOUR_MS, Act, life
from services.segmentation.events import read_event

ENDS_MS = 1_763_784_000_000
TYPES = {"product_view", "add_to_cart", "purchase", "page_view", "search"}


@pytest.fixture(scope="module")
def month() -> list[Row]:
    return list(simulate(seed=1, visitors=1_000, days=30, ends_ms=ENDS_MS))


def by_user(events: Iterable[Row]) -> dict[str, list[Row]]:
    users = defaultdict(list)
    for event in events:
        users[event["user_id"]].append(event)
    return users


def unique(events: Iterable[Row]) -> list[Row]:
    return list({event["event_id"]: event for event in events}.values())


def test_the_same_arguments_give_the_same_events_and_others_give_others() -> None:
    first, again = (list(simulate(3, 40, 10, ENDS_MS)) for _ in range(2))
    assert first == again
    ids = {event["event_id"] for event in first}
    for other in (simulate(4, 40, 10, ENDS_MS), simulate(3, 40, 10, ENDS_MS + 1)):
        assert ids.isdisjoint(event["event_id"] for event in other)


def test_every_event_keeps_the_contract_and_says_that_it_is_simulated(month: list[Row]) -> None:
    for event in month:
        read_event(event, arrived_ms=ENDS_MS)
        assert event["user_id"].startswith("sim-")
        assert event["event_id"].startswith("sim-")


def test_the_default_size_is_about_a_hundred_thousand_events() -> None:
    events = sum(1 for _ in simulate(1, 3_000, 30, ENDS_MS))
    assert 90_000 < events < 130_000


def test_events_come_in_order_but_for_the_late_ones(month: list[Row]) -> None:
    latest_ms, late_by = 0, []
    for event in month:
        if event["ts"] < latest_ms:
            late_by.append(latest_ms - event["ts"])
        latest_ms = max(latest_ms, event["ts"])
    assert 0.002 < len(late_by) / len(month) < 0.02
    assert max(late_by) <= 6 * HOUR_MS


def test_it_ends_when_it_should_and_covers_the_days(month: list[Row]) -> None:
    times = [event["ts"] for event in month]
    assert ENDS_MS - HOUR_MS < max(times) <= ENDS_MS
    assert ENDS_MS - 31 * DAY_MS < min(times) < ENDS_MS - 28 * DAY_MS
    assert len({ts_ms // DAY_MS for ts_ms in times}) >= 30


def test_a_few_events_come_twice_and_unchanged(month: list[Row]) -> None:
    twice = {event_id for event_id, times in Counter(event["event_id"] for event in month).items() if times == 2}
    assert 0.001 < len(twice) / len(month) < 0.01
    copies = [event for event in month if event["event_id"] in twice]
    assert len(unique(copies)) == len(copies) / 2
    assert all(copies.count(event) == 2 for event in copies[:20])


@pytest.mark.parametrize(("visitors", "days"), [(0, 30), (1, 1), (5, 2)])
def test_small_simulations_work(visitors: int, days: int) -> None:
    events = list(simulate(1, visitors, days, ENDS_MS))
    assert len({event["user_id"] for event in events}) <= visitors
    assert all(event["ts"] <= ENDS_MS for event in events)


class TestContent:
    def test_all_types_appear_and_product_views_most(self, month: list[Row]) -> None:
        types = Counter(event["type"] for event in month)
        assert set(types) == TYPES
        assert types.most_common(1)[0][0] == "product_view"

    def test_purchases_carry_what_marketers_ask_for(self, month: list[Row]) -> None:
        for event in month:
            if event["type"] == "purchase":
                assert set(event["properties"]) == {"item_id", "category", "brand", "quantity", "value", "currency"}
                assert event["properties"]["value"] > 0

    def test_only_what_is_in_the_cart_is_bought(self, month: list[Row]) -> None:
        for events in by_user(unique(month)).values():
            added = Counter(e["properties"]["item_id"] for e in events if e["type"] == "add_to_cart")
            bought = Counter(e["properties"]["item_id"] for e in events if e["type"] == "purchase")
            assert bought <= added

    def test_a_visitor_has_one_device_one_home_and_one_time_zone(self, month: list[Row]) -> None:
        for events in by_user(month).values():
            for part in ("device", "geo", "timezone"):
                assert len({str(event["context"][part]) for event in events}) == 1
        assert {event["context"]["device"]["type"] for event in month} == {"mobile", "desktop", "tablet"}

    def test_some_visitors_tell_traits_and_loyalty_grows(self, month: list[Row]) -> None:
        told = [event for event in month if "traits" in event]
        assert 0.1 < len({event["user_id"] for event in told}) / 1_000 < 0.6
        assert {event["traits"]["loyalty"] for event in told} == {"none", "silver", "gold"}
        assert {event["traits"]["newsletter"] for event in told} == {True, False}

    def test_popularity_is_uneven(self, month: list[Row]) -> None:
        views = Counter(e["properties"]["item_id"] for e in month if e["type"] == "product_view")
        top = sum(times for _, times in views.most_common(len(views) // 10))
        assert top > 0.35 * views.total()

    def test_a_visitor_does_one_thing_after_the_other(self, month: list[Row]) -> None:
        for events in by_user(unique(month)).values():
            done = sorted(events, key=lambda event: int(event["event_id"].rpartition(":")[2]))
            times = [event["ts"] for event in done]
            assert times == sorted(set(times))

    def test_evenings_are_busier_than_nights(self, month: list[Row]) -> None:
        for zone, ahead_h in (("Europe/Paris", 1), ("America/Los_Angeles", -8)):
            hours = [(e["ts"] // HOUR_MS + ahead_h) % 24 for e in month if e["context"]["timezone"] == zone]
            evening, night = (sum(first <= hour < first + 4 for hour in hours) for first in (19, 2))
            assert evening > 5 * night


def habits(name: str, **changes: object) -> list[list[list[Act]]]:
    """The visits of sixty visitors of one persona in thirty days."""
    persona = replace(next(each for each in PERSONAS if each.name == name), **changes)  # type: ignore[arg-type]
    shop = Shop(Random("shop"))
    people = [
        (replace(make_visitor("sim", shop, chance), persona=persona), chance) for chance in map(Random, range(60))
    ]
    return [list(life(visitor, shop, ENDS_MS - 30 * DAY_MS, ENDS_MS, chance)) for visitor, chance in people]


def acts(people: list[list[list[Act]]]) -> list[Act]:
    return [act for visits in people for visit in visits for act in visit]


def number_of(kind: str, people: list[list[list[Act]]]) -> int:
    return sum(each == kind for _, each, _ in acts(people))


def checkouts(people: list[list[list[Act]]]) -> float:
    """The part of the visits with a cart that end with a purchase."""
    carts = [{kind for _, kind, _ in visit} for visits in people for visit in visits]
    carts = [kinds for kinds in carts if "add_to_cart" in kinds]
    return sum("purchase" in kinds for kinds in carts) / len(carts)


class TestPersonas:
    def test_all_are_there_in_their_share(self) -> None:
        shop = Shop(Random("shop"))
        drawn = Counter(make_visitor("sim", shop, Random(number)).persona.name for number in range(2_000))
        assert sum(persona.share for persona in PERSONAS) == pytest.approx(1)
        for persona in PERSONAS:
            assert drawn[persona.name] == pytest.approx(2_000 * persona.share, rel=0.35)

    def test_passers_by_come_once(self) -> None:
        assert {len(visits) for visits in habits("passer-by")} <= {0, 1}

    def test_even_endless_visits_never_overlap(self) -> None:
        for visits in habits("window shopper", steps=250, visits_a_day=1.0):
            times = [ts_ms for visit in visits for ts_ms, _, _ in visit]
            assert times == sorted(times)

    def test_window_shoppers_look_and_leave_things_on_the_shelf(self) -> None:
        people = habits("window shopper")
        assert number_of("product_view", people) > 40 * number_of("add_to_cart", people)
        assert number_of("purchase", people) == 0

    def test_cart_abandoners_fill_carts_and_rarely_pay(self) -> None:
        assert number_of("add_to_cart", habits("cart abandoner")) > 60 * 3
        assert 0 < checkouts(habits("cart abandoner")) < 0.15

    def test_buyers_pay_for_some_carts_and_loyal_ones_for_more_and_oftener(self) -> None:
        buyers, loyal = habits("buyer"), habits("loyal buyer")
        assert 0.3 < checkouts(buyers) < checkouts(loyal) < 0.8
        assert number_of("purchase", loyal) > 2 * number_of("purchase", buyers)

    def test_loyal_readers_come_often_and_mostly_to_read(self) -> None:
        people = habits("loyal reader")
        assert number_of("page_view", people) > 4 * number_of("product_view", people)
        assert sum(map(len, people)) / 60 > 8

    def test_lapsed_customers_bought_and_stay_away(self) -> None:
        people = habits("lapsed customer")
        assert number_of("purchase", people) > 60
        assert max(ts_ms for ts_ms, _, _ in acts(people)) < ENDS_MS - 15 * DAY_MS

    def test_big_spenders_take_the_dearer_things(self) -> None:
        def mean_value(people: list[list[list[Act]]]) -> float:
            values = [properties["value"] for _, kind, properties in acts(people) if kind == "purchase"]
            return fmean(values)

        assert mean_value(habits("big spender")) > 1.5 * mean_value(habits("big spender", picky=1))

    def test_a_newsletter_brings_some_subscribers_at_the_very_end_but_no_lapsed_ones(self) -> None:
        def late_visits(people: list[list[list[Act]]]) -> int:
            return sum(visit[0][0] > ENDS_MS - HOUR_MS // 2 for visits in people for visit in visits)

        assert late_visits(habits("buyer")) >= 1
        assert late_visits(habits("lapsed customer")) == 0
