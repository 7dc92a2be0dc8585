import math
import random
from collections.abc import Mapping
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.snapshots import Trait
from services.segmentation.rules.parse import parse_feature
from services.segmentation.training.telling.claims import Claim, claims
from services.segmentation.training.telling.measures import Measure
from services.segmentation.training.telling.names import LONGEST, names
from services.segmentation.training.telling.sayings import Slot
from tests.segmentation.training.telling.told_of import Groups, Rows, some, told_of

NEWS = {
    "sport": 'share("page_view", "category", "sport", halflife="7d")',
    "politics": 'share("page_view", "category", "politics", halflife="7d")',
    "evening": 'share("page_view", "daypart", "evening", halflife="7d")',
    "mobile": 'last("device.type") == "mobile"',
    "reads": 'decayed("page_view", halflife="7d")',
    "gone": 'since("page_view")',
}


def aged(days: float) -> float:
    """An age as features hold it."""
    return math.log1p(days * 24 * 60)


def news(count: int = 80, seed: int = 1, **features: float) -> Rows:
    usual = {"sport": 0.1, "politics": 0.1, "evening": 0.2, "mobile": 0.0, "reads": 2.2, "gone": aged(2)}
    return some(count, seed, **(usual | features))


def named(terms: Mapping[str, str], groups: Groups) -> list[str]:
    return [each.name for each in told_of(terms, groups).values()]


def test_readers_are_called_by_when_where_and_what_they_read() -> None:
    groups = {
        "c1": news(sport=0.7, evening=0.8, mobile=1.0),
        "c2": news(politics=0.7),
        "c3": news(seed=2, politics=0.1),
    }
    assert named(NEWS, groups)[:2] == ["evening mobile sport readers", "politics readers"]


def test_who_has_not_come_for_long_is_gone_and_who_does_little_is_hardly_active() -> None:
    groups = {"c1": news(), "c2": news(gone=aged(200)), "c3": news(reads=0.4), "c4": news(seed=2, reads=2.5)}
    assert named(NEWS, groups)[1:3] == ["long gone", "hardly active"]


SHOP = {
    "shoe_buys": 'decayed("purchase", halflife="30d", category="shoes")',
    "buys": 'count("purchase", within="90d")',
    "views": 'decayed("product_view", halflife="7d")',
    "tenure": "tenure()",
}


def shop(count: int = 80, seed: int = 1, **features: float) -> Rows:
    return some(count, seed, **({"shoe_buys": 0.0, "buys": 0.3, "views": 1.5, "tenure": aged(54)} | features))


def test_buyers_are_called_by_how_often_and_what_they_buy() -> None:
    groups = {"c1": shop(shoe_buys=1.5, buys=2.0), "c2": shop(buys=0.0, views=3.0), "c3": shop(tenure=aged(2))}
    assert named(SHOP, groups) == ["frequent buyers of shoes", "frequent viewers who do not buy", "new users"]


@pytest.mark.parametrize(
    ("term", "much", "little", "called"),
    [
        ('count("purchase")', 2.0, 0.0, ("frequent buyers", "users who do not buy")),
        ('count("purchase")', 2.5, 1.2, ("frequent buyers", "occasional buyers")),
        ('count("purchase") >= 1', 1.0, 0.0, ("buyers", "users who do not buy")),
        ('count("purchase") < 5', 1.0, 0.0, ("occasional buyers", "frequent buyers")),
        ('sum("purchase", "value")', 6.0, 3.0, ("big-spending buyers", "small-spending buyers")),
        ('avg("purchase", "value")', 6.0, 3.0, ("premium buyers", "bargain buyers")),
        ('sum("watch", "minutes")', 6.0, 3.0, ("users with high it", "hardly active")),
        ('distinct("page_view", "category")', 2.3, 1.0, ("readers of many categories", "hardly active")),
        ('count("product_view", category="shoes")', 2.3, 0.9, ("viewers of shoes", "hardly active")),
        ('count("read", category=["shoes", "bags"])', 2.3, 0.9, ("readers of shoes or bags", "hardly active")),
        ('count("search", query="boots")', 2.3, 0.9, ("searchers for boots", "hardly active")),
        ('count("insurance_lead")', 2.3, 0.9, ("frequent insurance lead users", "hardly active")),
        ('share("page_view", "category", 412, halflife="1d")', 0.8, 0.1, ("it readers", "typical users")),
        (
            'share("product_view", "category", "a.b.shoes", halflife="1d")',
            0.8,
            0.1,
            ("viewers of shoes", "typical users"),
        ),
        ('share("read", "context.device.os", "iOS", halflife="1d")', 0.8, 0.1, ("iOS readers", "non-iOS users")),
        ('share("read", "context.geo.country", "FR", halflife="1d")', 0.8, 0.1, ("readers from FR", "typical users")),
        (
            'share("read", "channel", "news_letter", halflife="1d")',
            0.8,
            0.1,
            ("readers via news letter", "typical users"),
        ),
        ('count("read", category=412)', 2.3, 0.9, ("readers of category 412", "hardly active")),
        ('count("read", category=["a", "b", "c"])', 2.3, 0.9, ("it readers", "hardly active")),
        ('count("search")', 2.0, 0.05, ("frequent searchers", "hardly active users who search nothing")),
        ('last("device.type") == "1"', 1.0, 0.0, ("it users", "non-it users")),
        ('trait("newsletter") == True', 1.0, 0.0, ("newsletter users", "non-newsletter users")),
        ('trait("newsletter") == ""', 1.0, 0.0, ("no newsletter users", "non-no newsletter users")),
        ('since("purchase")', aged(150), aged(2), ("lapsed buyers", "recent buyers")),
        ('since("purchase")', aged(3_650), aged(2), ("users who do not buy", "recent buyers")),
        ('since("page_view")', aged(150), aged(2), ("long gone", "recent readers")),
        ('since("page_view")', aged(3_650), aged(2), ("users who read nothing", "recent readers")),
        ('since("product_view")', aged(3_650), aged(2), ("users who view nothing", "recent viewers")),
        ('since("login")', aged(3_650), aged(2), ("typical users", "recent visitors")),
        ('since("match")', aged(3_650), aged(2), ("typical users", "recent match users")),
        ('since("match")', aged(150), aged(2), ("lapsed match users", "recent match users")),
        ('since("product_view", category="shoes")', aged(3_650), aged(2), ("typical users", "recent viewers of shoes")),
        ('since("page_view")', aged(6), aged(0.3), ("not seen lately", "recent readers")),
        ('since("page_view") > "30d"', 1.0, 0.0, ("long gone", "recent readers")),
        ('"30d" > since("page_view")', 1.0, 0.0, ("recent readers", "long gone")),
        ("tenure()", aged(400), aged(2), ("long-standing users", "new users")),
        ('tenure() < "7d"', 1.0, 0.0, ("new users", "typical users")),
        ('sequence("view", "purchase")', aged(3_650), aged(2), ("users without it", "users with recent it")),
        ('sequence("view", "purchase")', aged(150), aged(2), ("typical users", "users with recent it")),
        ('trait("age")', 4.1, 3.2, ("older users", "younger users")),
        ('trait("income")', 4.1, 3.2, ("users with high it", "users with low it")),
        ('trait("subscriber")', 1.0, 0.0, ("subscriber users", "non-subscriber users")),
        ('not trait("subscriber")', 1.0, 0.0, ("non-subscriber users", "subscriber users")),
        ('trait("loyalty") == "gold"', 1.0, 0.0, ("gold users", "non-gold users")),
        ('trait("loyalty") != "gold"', 1.0, 0.0, ("non-gold users", "gold users")),
        (
            'last("device.type") in ["mobile", "tablet"]',
            1.0,
            0.0,
            ("mobile or tablet users", "non-mobile or tablet users"),
        ),
        ('last("geo.country") == "FR"', 1.0, 0.0, ("users from FR", "typical users")),
        ('last("geo.country") == "FR" and tenure() > "7d"', 1.0, 0.0, ("users with it", "users without it")),
    ],
)
def test_a_term_says_of_people(term: str, much: float, little: float, called: tuple[str, str]) -> None:
    many = {"c1": some(60, 1, it=much), "c2": some(60, 2, it=little)}
    assert tuple(named({"it": term}, many)) == called


def test_who_plays_every_day_and_never_a_match_has_not_gone() -> None:
    terms = {"levels": 'decayed("level_start", halflife="3d")', "since_match": 'since("match")'}
    plays, fights = some(200, 1, levels=3.0, since_match=aged(3_650)), some(40, 2, levels=0.3, since_match=aged(0.1))
    assert named(terms, {"c1": plays, "c2": fights}) == ["frequent level start users", "recent match users"]


@pytest.mark.parametrize("gone", ["long gone", "not seen lately"])
@pytest.mark.parametrize("here", [{"often": "frequent", "people": "viewers"}, {"tenure": "new"}])
def test_who_is_here_has_not_gone(gone: str, here: dict[str, str]) -> None:
    absent, present = _claim(3, state=gone), _claim(2, **here)
    (in_order,), (turned,) = (names({"c1": each}, {}).values() for each in ([absent, present], [present, absent]))
    assert in_order == gone
    assert gone not in turned
    seldom = [absent, _claim(2, often="occasional", people="buyers")]
    assert names({"c1": seldom}, {}) == {"c1": f"{gone} occasional buyers"}
    long_known = [absent, _claim(2, tenure="long-standing")]
    assert names({"c1": long_known}, {}) == {"c1": f"{gone} long-standing users"}


def test_who_does_one_of_two_things_that_make_the_same_people_does_not_lack_them() -> None:
    terms = {"balances": 'count("balance_view")', "quotes": 'count("quote_view")'}
    one, other = {"balances": 0.0, "quotes": 4.5}, {"balances": 2.5, "quotes": 0.0}
    called = named(terms, {"c1": some(60, 1, **one), "c2": some(60, 2, **other)})
    assert called == ["frequent viewers", "frequent viewers (c2)"]
    some_of_both = {"c1": some(60, 1, balances=0.0, quotes=1.0), "c2": some(60, 2, balances=2.5, quotes=1.0)}
    assert "view nothing" not in named(terms, some_of_both)[0]


def test_who_does_what_is_told_as_a_share_does_not_lack_it() -> None:
    measures = [
        Measure("quotes", parse_feature('count("quote_view")')),
        Measure("funds", parse_feature('share("balance_view", "category", "funds", halflife="7d")')),
    ]
    quotes, funds = Trait("quotes", 0, 0, -1), Trait("funds", 0.5, 3, 1.5)
    lack = ("lack", "view nothing")
    assert any(lack in each.words for each in claims(measures, [quotes]))
    assert not any(lack in each.words for each in claims(measures, [quotes, funds]))


def test_who_looks_at_pages_views_something() -> None:
    terms = {"pages": 'count("page_view")', "quotes": 'count("quote_view")'}
    called = named(terms, {"c1": some(60, 1, pages=2.5, quotes=0.0), "c2": some(60, 2, pages=0.0, quotes=2.5)})
    assert called == ["frequent browsers", "frequent viewers who browse nothing"]


def test_what_is_spent_is_not_told_beside_what_it_is_spent_on() -> None:
    flats, premium = _claim(2, topic="flats", people="viewers"), _claim(3, worth="premium", people="viewers")
    assert names({"c1": [premium, flats]}, {}) == {"c1": "viewers of flats"}
    assert names({"c1": [flats, premium]}, {}) == {"c1": "viewers of flats"}
    assert names({"c1": [premium, _claim(2, device="mobile")]}, {}) == {"c1": "premium mobile viewers"}
    of_flats = _claim(3, worth="premium", topic="flats", people="viewers")
    assert names({"c1": [of_flats, _claim(2, device="mobile")]}, {}) == {"c1": "premium mobile viewers of flats"}
    assert names({"c1": [premium, flats]}, {"c1": "premium viewers of flats"}) == {"c1": "viewers of flats"}


def test_who_looks_at_pages_of_a_shop_reads_nothing() -> None:
    terms = {"pages": 'count("page_view")', "buys": 'count("purchase")'}
    groups = {"c1": some(60, 1, pages=3.0, buys=0.0), "c2": some(60, 2, pages=1.2, buys=0.0)}
    assert named(terms, groups)[0] == "frequent browsers"


@pytest.mark.parametrize(
    ("term", "mean", "lift", "effect", "said"),
    [
        ('last("device.type") == "mobile"', 0.6, 2, 1.5, ["mobile"]),
        ('last("device.type") == "mobile"', 0.6, 2, 0.4, ["mobile?"]),
        ('last("device.type") == "mobile"', 0.6, 2, 0.2, []),
        ('last("device.type") == "mobile"', 0.4, 2, 1.5, ["mobile?"]),
        ('last("device.type") == "mobile"', 0.3, 2, 1.5, []),
        ('last("device.type") == "mobile"', 0.2, 0.3, -1.5, ["non-mobile"]),
        ('last("device.type") == "mobile"', 0.5, 0.6, -1.5, ["non-mobile?"]),
        ('share("read", "category", "sport", halflife="7d")', 0.3, 1.2, 1.5, ["sport readers"]),
        ('share("read", "category", "sport", halflife="7d")', 0.1, 3.0, 1.5, ["sport readers"]),
        ('share("read", "category", "sport", halflife="7d")', 0.1, 1.2, 1.5, []),
        ('share("read", "category", "sport", halflife="7d")', 0.01, 9.0, 1.5, []),
        ('distinct("read", "category")', 2.5, 2, 1.5, ["many categories readers"]),
        ('distinct("read", "category")', 1.2, 2, 1.5, []),
        ('distinct("read", "category")', 1.1, 0.8, -1.5, ["one category readers"]),
        ('distinct("read", "category")', 0.0, 0.8, -1.5, ["show no category"]),
        ('distinct("read", "category")', 0.4, 0.8, -1.5, []),
        ('distinct("read", "category")', 3.0, 0.8, -1.5, []),
        ('count("read")', 5, 11, 1.5, ["frequent readers", "readers", "very frequent readers"]),
        ('count("read")', 5, 5, 1.5, ["frequent readers", "readers"]),
        ('count("read")', 0.9, 5, 1.5, ["readers"]),
    ],
)
def test_a_term_says_no_more_than_is_true(term: str, mean: float, lift: float, effect: float, said: list[str]) -> None:
    found = claims([Measure("it", parse_feature(term))], [Trait("it", mean, lift, effect)])
    assert [" ".join(word for _, word in each.words) + ("" if each.firm else "?") for each in found] == said


def test_who_does_little_of_everything_is_hardly_active_whatever_is_done_of_something() -> None:
    measures = [
        Measure("it", parse_feature('count("read")')),
        Measure("sport", parse_feature('count("read", topic="x")')),
    ]
    found = claims(measures, [Trait("it", 1, 0.3, -1), Trait("sport", 1, 0.9, -0.1)])
    assert (("state", "hardly active"),) in [each.words for each in found]


def test_of_two_things_that_events_are_about_the_first_is_told() -> None:
    groups = {"c1": some(60, 1, it=2.0), "c2": some(60, 2, it=0.5)}
    assert named({"it": 'count("product_view", category="shoes", brand="acme")'}, groups)[0] == "viewers of shoes"


def test_who_looks_at_pages_of_a_shop_with_articles_is_a_reader() -> None:
    terms = {"articles_read": 'count("page_view")', "buys": 'count("purchase")'}
    groups = {"c1": some(60, 1, pages=3.0, buys=0.0), "c2": some(60, 2, pages=1.2, buys=0.0)}
    assert named(terms, groups)[0] == "frequent readers"


def test_clusters_that_differ_in_little_else_are_called_differently() -> None:
    groups = {each: news(seed=number, sport=0.7) for number, each in enumerate(("c1", "c2", "c3"))}
    groups["c4"] = news(politics=0.7, count=200)
    called = named(NEWS, groups)
    assert len(set(called)) == 4
    assert all("sport readers" in name for name in called[:3])


def test_a_name_tells_more_where_it_would_be_another_ones() -> None:
    claimed = [_claim(3, topic="sport", people="readers"), _claim(0.8, device="mobile")]
    assert names({"c1": claimed, "c2": claimed, "c3": claimed[:1]}, {}) == {
        "c1": "sport readers",
        "c2": "mobile sport readers",
        "c3": "sport readers (c3)",
    }


def test_who_does_more_of_the_same_does_it_very_much() -> None:
    groups = {"c1": some(60, 1, buys=1.5), "c2": some(60, 2, buys=4.5), "c3": some(400, 3, buys=0.0)}
    called = named({"buys": 'count("purchase")'}, groups)
    assert called == ["frequent buyers", "very frequent buyers", "users who do not buy"]


def test_two_things_are_read_and_no_third() -> None:
    claimed = [_claim(3, topic=topic, people="readers") for topic in ("tennis", "sport", "politics")]
    assert names({"c1": claimed}, {})["c1"] == "sport and tennis readers"


def test_a_name_is_never_too_long() -> None:
    long = [_claim(3, device="x" * 24), _claim(3, who="y" * 24)]
    called = names({f"c{number}": long for number in range(95, 105)}, {})
    assert max(map(len, called.values())) <= LONGEST
    assert len(set(called.values())) == 10


def test_names_stay_while_groups_move_a_little() -> None:
    def world(seed: int) -> Groups:
        return {
            "c1": news(seed=seed, count=40, sport=0.7, evening=0.5),
            "c2": news(seed=seed, count=40, sport=0.5, mobile=1.0),
            "c3": news(seed=seed, count=40, politics=0.4, reads=2.6),
            "c4": news(seed=seed, count=40, gone=aged(24)),
        }

    told = told_of(NEWS, world(0))
    first = [each.name for each in told.values()]
    for seed in range(1, 30):
        told = told_of(NEWS, world(seed), tuple(told.values()), seed + 1)
        assert [each.name for each in told.values()] == first


def test_a_name_stays_while_it_is_weakly_true_and_goes_when_it_is_wrong() -> None:
    sport, mobile = {"topic": "sport", "people": "readers"}, {"device": "mobile"}
    before = {"c1": "mobile sport readers"}
    weak = [_claim(0.6, **sport), _claim(0.35, False, **mobile)]
    assert names({"c1": weak}, before) == before
    assert names({"c1": weak[:1]}, before) == {"c1": "sport readers"}


def test_a_name_goes_when_much_else_sets_the_cluster_apart() -> None:
    aside = [_claim(3, when="evening"), _claim(2.9, often="frequent"), _claim(2.8, who="gold")]
    assert names({"c1": [*aside[:2], _claim(1, device="mobile")]}, {"c1": "mobile users"}) == {"c1": "mobile users"}
    called = names({"c1": [*aside, _claim(1, device="mobile")]}, {"c1": "mobile users"})
    assert called == {"c1": "frequent evening gold users"}


def test_who_was_called_typical_is_called_better_when_more_is_known() -> None:
    assert names({"c1": [_claim(1, device="mobile")]}, {"c1": "typical users"}) == {"c1": "mobile users"}
    weak = [_claim(0.4, False, device="mobile")]
    assert names({"c1": weak}, {"c1": "typical users"}) == {"c1": "typical users"}


def test_a_newcomer_takes_nobodys_name() -> None:
    claimed = [_claim(3, device="mobile")]
    assert names({"c1": claimed, "c2": claimed}, {"c2": "mobile users"}) == {
        "c1": "mobile users (c1)",
        "c2": "mobile users",
    }


def test_a_name_with_an_id_stays_until_there_is_a_better_one() -> None:
    before = {"c1": "mobile users", "c2": "mobile users (c2)"}
    both = {each: [_claim(3, device="mobile")] for each in before}
    assert names(both, before) == before
    weaker = {each: [_claim(2, when="evening"), _claim(0.4, False, device="mobile")] for each in before}
    assert names(weaker, before) == {"c1": "evening users", "c2": "evening users (c2)"}
    better = both | {"c2": [_claim(3, device="mobile"), _claim(0.6, when="evening")]}
    assert names(better, before) == before | {"c2": "evening mobile users"}


def test_a_name_with_an_id_stays_while_no_other_is_better() -> None:
    before = {"c1": "readers", "c2": "viewers", "c3": "viewers (c3)"}
    claimed = [_claim(3, people="readers"), _claim(1, people="viewers")]
    assert names(dict.fromkeys(before, claimed), before) == before
    assert names({"c1": claimed, "c3": claimed}, before)["c3"] == "viewers (c3)"


def test_of_two_that_were_called_alike_one_keeps_the_name() -> None:
    claimed = [_claim(3, device="mobile")]
    before = dict.fromkeys(("c1", "c2"), "mobile users")
    assert names(dict.fromkeys(before, claimed), before) == {"c1": "mobile users", "c2": "mobile users (c2)"}


def test_a_word_is_no_part_of_another_word() -> None:
    claimed = [_claim(3, topic="tennis", people="readers"), _claim(3, topic="ten", people="readers")]
    assert names({"c1": claimed}, {"c1": "tennis readers"}) == {"c1": "tennis readers"}


def test_the_order_of_users_does_not_matter() -> None:
    groups = {"c1": news(sport=0.7, evening=0.8), "c2": news(politics=0.7), "c3": news(gone=aged(150))}
    shuffled = {each: random.Random(3).sample(rows, len(rows)) for each, rows in groups.items()}
    assert named(NEWS, shuffled) == named(NEWS, groups)


def test_a_value_from_outside_stays_on_its_line() -> None:
    terms = {"odd": 'share("read", "category", "a\\n\\tb\\u202e ' + "very " * 20 + 'long", halflife="1d")'}
    name = named(terms, {"c1": some(60, 1, odd=0.8), "c2": some(60, 2, odd=0.1)})[0]
    assert name == "readers of a b very very very very…"


_SLOTS: Mapping[str, Slot] = {slot: slot for slot in get_args(Slot)}
_CLAIMS = st.lists(
    st.builds(
        lambda slot, word, strength: Claim(((slot, word),), strength, strength >= 0.5),
        st.sampled_from(get_args(Slot)),
        st.sampled_from(["red", "blue", "green", "x" * 24]),
        st.floats(0.3, 3),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda each: -each.strength))


@given(st.lists(_CLAIMS, min_size=1, max_size=6), st.lists(_CLAIMS, min_size=1, max_size=6))
def test_names_are_short_different_and_stay_where_nothing_changes(
    first: list[list[Claim]], second: list[list[Claim]]
) -> None:
    def by_id(found: list[list[Claim]]) -> dict[str, list[Claim]]:
        return {f"c{number}": each for number, each in enumerate(found)}

    called = names(by_id(first), {})
    assert names(by_id(first), called) == called
    later = names(by_id(second), called)
    for each in (called, later):
        assert len(set(each.values())) == len(each)
        assert all(0 < len(name) <= LONGEST for name in each.values())


@given(
    effect=st.floats(-1000, 1000),
    mean=st.floats(-1e10, 1e10),
    lift=st.floats(0, 1e10),
    term=st.sampled_from(
        [*NEWS.values(), *SHOP.values(), 'avg("purchase", "value")', 'not (trait("a") or tenure() > "1d")']
    ),
)
def test_whatever_a_trait_is_something_or_nothing_is_claimed(
    effect: float, mean: float, lift: float, term: str
) -> None:
    for claim in claims([Measure("it", parse_feature(term))], [Trait("it", mean, lift, effect)]):
        assert claim.words
        assert 0 < claim.strength <= 3


def _claim(strength: float, firm: bool = True, /, **words: str) -> Claim:
    return Claim(tuple((_SLOTS[slot], word) for slot, word in words.items()), strength, firm)
