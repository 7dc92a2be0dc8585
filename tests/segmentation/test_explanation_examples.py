"""Explanations by example: how they read, and how they stay within bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from services.segment_api.explain.answer import explain_answer
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import Event, Fact
from services.segmentation.explanation.explain import explain
from services.segmentation.explanation.sentence import sentence
from services.segmentation.explanation.teller import MAX_SEGMENTS
from services.segmentation.explanation.tree import Composed, Explanation, Group, Leaf
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import RETAINED, add_all
from services.segmentation.rules.request import Facts
from tests.segmentation.test_explanation import catalog_of, walk

T = 1_795_342_500_000  # 2026-11-22 10:15 UTC, a Sunday
HOUR, DAY = 3_600_000, 86_400_000
CART = "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0"
FANS = "count('product_view', within='7d', category='shoes') >= 5 and not listed('vip')"
SENTENCES = {
    "since('purchase') > '30d'": (
        'Not in "s" until 2026-12-21 11:15:02 CET unless something happens: had the latest purchase 23h '
        "59m ago where more than 30 days is asked (comes by itself on 2026-12-21 11:15:02 CET)."
    ),
    "sum('purchase', 'value') >= 100": (
        'Not in "s": has a total value of 60.5 over purchase where at least 100 is asked (a purchase whose '
        "value is 39.5 or more would do)."
    ),
    "not count('purchase') >= 1": 'Not in "s": has 1 purchase where fewer than 1 is asked.',
    "not trait('vip') and not (trait('loyalty') == 'gold' or listed('x'))": (
        'Not in "s": has the trait loyalty gold where anything but gold is asked (the trait loyalty '
        "becoming anything but gold would do); all else is there: has no trait vip (anything but true "
        "asked)."
    ),
    "distinct('purchase', 'category') >= 3": (
        'Not in "s": has 1 different category among purchase where at least 3 are asked (2 more purchase '
        "with a new category each would do)."
    ),
    "last('device.type') in ['mobile', 'tablet'] or tenure() < '1h'": (
        'Not in "s": either has no device.type where mobile or tablet is asked (an event whose device.type '
        "is mobile or tablet would do) or had the first event 23h 59m ago where less than 1 hour is asked."
    ),
    "request('weekday') in ['sat', 'mon'] and request('device.type') == 'mobile'": (
        'Not in "s" for such a request: the request is on Sunday where Saturday or Monday is asked (a '
        "request whose weekday is Saturday or Monday would do) and the request tells no device.type where "
        "mobile is asked (a request whose device.type is mobile would do)."
    ),
    "sequence('product_view', 'purchase', within='1d')": (
        'Not in "s": never had product_view, then purchase within 1 day (a product_view, then a purchase would do).'
    ),
    "since('purchase') < since('product_view')": (
        'In "s" since 2026-11-21 11:15:02 CET: had the latest purchase 23h 59m ago and never had a '
        "product_view (the first more recent asked)."
    ),
    "share('purchase', 'category', 'x', halflife='1d') > 0.5": (
        'Not in "s": has a share of 0 for category x among purchase (half-life 1 day) where more than 0.5 '
        "is asked (a purchase of category x would do)."
    ),
    "decayed('purchase', halflife='1d') > 2 or avg('purchase', 'value', within='this_week') < 3": (
        'Not in "s": either has a fading count of 0.5 purchase (half-life 1 day) where more than 2 is '
        "asked (2 more purchase would do) or an average value of 60.5 over purchase this week where less "
        "than 3 is asked (a purchase whose value is -54.51 or less would do)."
    ),
}


def test_the_sentence_tells_why_a_user_is_in_and_until_when() -> None:
    found = told({"cart": CART}, [event("add_to_cart", T - 7), event("add_to_cart", T)])
    assert sentence(found) == (
        'In "cart" since 2026-11-22 10:15 UTC, until 11:15 UTC unless something happens: has 2 add_to_cart in the last '
        "hour (at least 1 asked) and 0 purchase in the last hour (0 asked)."
    )


def test_the_sentence_names_first_what_is_missing_and_what_would_do() -> None:
    found = told({"fans": FANS}, [event("product_view", T, category="shoes")])
    assert sentence(found) == (
        'Not in "fans": has 1 product_view of category shoes in the last 7 days where at least 5 are asked (4 more '
        "product_view of category shoes would do); all else is there: is not on the list vip."
    )


@pytest.mark.parametrize("rule", SENTENCES)
def test_every_term_is_told_in_words(rule: str) -> None:
    purchase = event("purchase", T - DAY + 2_000, value=60.5, category="shoes")
    known = replace(purchase, traits={"loyalty": "gold"})
    assert sentence(told({"s": rule}, [known], zone=ZoneInfo("Europe/Paris"))) == SENTENCES[rule]


def test_another_segment_is_told_with_its_own_reasons_once() -> None:
    rules = {"fans": FANS, "both": "segment('fans') and not segment('fans')"}
    found = told(rules, [event("product_view", T, category="shoes")])
    assert isinstance(found.tree, Group)
    first, second = found.tree.children
    assert isinstance(first, Composed)
    assert first.tree is not None
    assert isinstance(second, Group)
    assert isinstance(second.children[0], Composed)
    assert second.children[0].tree is None
    assert 'Not in "both": is not in "fans" (has 1 product_view' in sentence(found)


def test_what_is_composed_of_very_many_segments_is_told_within_bounds() -> None:
    wide = {f"s{number}": f"count('x') >= {number}" for number in range(60)}
    rule = " or ".join(f"segment('{name}')" for name in wide)
    found = told({**wide, "all": rule}, [event("x", T)])
    assert sum(isinstance(node, Composed) and node.tree is not None for node in walk(found.tree)) == MAX_SEGMENTS
    twice = {f"s{number}": f"segment('s{number - 1}') or not segment('s{number - 1}')" for number in range(1, 20)}
    assert len(list(walk(told({"s0": "count('x') >= 1", **twice}, [event("x", T)]).tree))) == 4 * 19 + 1
    deep = {f"d{number}": "not " * 39 + f"segment('d{number - 1}')" for number in range(1, 20)}
    found = told({"d0": "count('x') >= 1", **deep}, [event("x", T)])
    assert orjson.loads(orjson.dumps(explain_answer("u", found)))["in_segment"] is False


def test_a_full_log_is_reckoned_with() -> None:
    """New events push old ones off its end, so that one more of a sort is not always one more."""
    old = [event("view", T - DAY + number, category="a") for number in range(RETAINED)]
    assert change(told({"s": "count('view', within='1h') >= 5"}, [*old, event("view", T)])) == {
        "event": "view",
        "where": {},
        "times": 4,
    }
    full = [event("view", T - number, category="a" if number > 251 else "b") for number in range(RETAINED)]
    assert change(told({"s": "count('view', within='1h', category='a') >= 5"}, full))["times"] == 5
    assert change(told({"s": "count('view') >= 1000"}, full))["times"] == 1000 - RETAINED
    assert change(told({"s": "count('view') >= 1e300"}, full)) is None
    assert change(told({"s": "count('view', category='a') >= 1000"}, full)) is None


def test_a_change_is_foretold_to_the_last_millisecond() -> None:
    for elapsed_ms, left_ms in ((0, HOUR), (HOUR - 2, 2), (HOUR - 1, 1), (HOUR, None)):
        found = told({"s": "count('view', within='1h') >= 1"}, [event("view", T - elapsed_ms)])
        assert found.tree.changes_at_ms == (None if left_ms is None else T + left_ms)


def test_what_would_do_comes_after_all_that_was() -> None:
    """Also where the moment asked about is that of the latest event."""
    events = [event("view", T), event("buy", T)]
    for rule in ("since('view') < since('buy')", "sequence('buy', 'view') < '1d'"):
        assert change(told({"s": rule}, events)) == {"event": "view", "where": {}, "times": 1}


def test_nothing_but_time_can_make_some_leaves_change() -> None:
    for rule in ("count('view') >= 1", "since('view') <= '1d'", "tenure() < '1d'", "trait('x') == None"):
        assert change(told({"s": rule}, [event("view", T)])) is None


@pytest.mark.parametrize(
    ("definition", "purposes", "required", "expected"),
    [
        ({}, None, False, ()),
        ({"purposes": [1, 3]}, None, False, ()),
        ({}, None, True, ("consent",)),
        ({"purposes": [1, 3]}, [1], True, ("consent",)),
        ({"purposes": [1, 3]}, [1, 3], True, ()),
        ({"status": "draft", "purposes": [3]}, [1], False, ("draft", "consent")),
    ],
)
def test_it_tells_what_keeps_a_lookup_from_telling(
    definition: dict[str, Any], purposes: list[int] | None, required: bool, expected: tuple[str, ...]
) -> None:
    catalog = Catalog().put("s", SegmentDefinition(name="s", rule="count('x') == 0", **definition), KEEP_ALL)
    profile = add_all(
        None, [replace(event("y", T), purposes=None if purposes is None else frozenset(purposes))], KEEP_ALL
    )
    found = explain(profile, catalog, "s", UTC, Facts(T, UTC), consent_required=required)
    assert (found.in_segment, found.obstacles, found.served) == (True, expected, not expected)
    assert ("draft" in sentence(found)) == ("draft" in expected)
    assert ("consent" in sentence(found)) == ("consent" in expected)


def test_a_stranger_is_explained_as_one_of_whom_nothing_is_known() -> None:
    found = told({"s": "count('x') == 0"}, [])
    assert (found.known, found.in_segment, found.served, found.since_ms) == (False, True, False, T)
    assert sentence(found).endswith("Nothing is known of this user, so no lookup tells of it.")
    asks = told({"s": "request('a') == 'b' or count('x') == 0"}, [])
    assert (asks.known, asks.served, asks.obstacles) == (False, True, ())


def test_values_of_every_sort_survive_as_json() -> None:
    odd = event(
        "buy", T, value=1.7e308, category="\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    rule = (
        f"sum('buy', 'value') > 1 or trait('\\ud800') == '\\ud800' or count('buy', where={{'\\ud800': {10**300}}}) > 1 "
        f"or count('buy') >= {10**300} or sum('buy', 'value') in [{2**64}, -1e308]"
    )
    found = told({"s": rule}, [odd, event("buy", T - 1, value=1.7e308)])
    answer = orjson.loads(orjson.dumps(explain_answer("u", found)))
    assert answer["tree"]["children"][0]["value"] == 1.7976931348623157e308
    assert answer["tree"]["children"][3]["threshold"] == 1e300


def change(found: Explanation) -> Any:
    """Of the one leaf of a rule, what would change it."""
    assert isinstance(found.tree, Leaf)
    return found.tree.sooner and found.tree.sooner.change


def told(
    rules: Mapping[str, str], facts: Sequence[Fact], zone: tzinfo = UTC, segment_id: str | None = None
) -> Explanation:
    """The last of the segments, or another, explained at T to a request that tells nothing."""
    profile, name = add_all(None, facts, KEEP_ALL), segment_id or list(rules)[-1]
    return explain(profile, catalog_of(rules), name, zone, Facts(T, zone))


def event(event_type: str, ts_ms: int, **properties: Any) -> Event:
    return Event(f"{event_type}-{ts_ms}", "u", event_type, ts_ms, properties=properties)
