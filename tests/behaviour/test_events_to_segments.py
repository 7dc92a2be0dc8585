"""From an event to a segment in a lookup: what is counted, when it ends, and who is told."""

import random
from collections.abc import Mapping
from typing import Any

from tests.behaviour.product import Product

HOUR_MS = 3_600_000
NOON_MS = 1_732_190_400_000


def event(space: str, event_id: str, user: str = "u-1", ts: int = NOON_MS, **more: Any) -> Mapping[str, Any]:
    return {"event_id": event_id, "user_id": user, "space": space, "type": "view", "ts": ts, **more}


def test_an_event_is_visible_in_a_lookup(product: Product, space: str) -> None:
    product.define(views="count('view') >= 1")
    product.send([event(space, "e-1")])
    product.wait_applied()
    answer = product.lookup("u-1", NOON_MS, space)
    assert answer == {
        "user_id": "u-1",
        "known": True,
        "at": NOON_MS,
        "segments": [{"id": "views", "since": NOON_MS, "until": None}],
        "degraded": False,
    }


def test_a_window_ends_at_the_very_millisecond(product: Product, space: str) -> None:
    product.define(hour="count('view', within='1h') >= 1", later="since('view') >= '1h'")
    product.send([event(space, "e-1")])
    product.wait_applied()
    end_ms = NOON_MS + HOUR_MS
    [inside] = product.lookup("u-1", end_ms - 1, space)["segments"]
    [outside] = product.lookup("u-1", end_ms, space)["segments"]
    assert inside == {"id": "hour", "since": NOON_MS, "until": end_ms}
    assert outside == {"id": "later", "since": end_ms, "until": None}


def test_a_late_event_falls_into_place(product: Product, space: str) -> None:
    product.define(two="count('view', within='1h') == 2", old="tenure() >= '1h'")
    product.send([event(space, "e-1")])
    product.wait_applied()
    product.send([event(space, "e-2", ts=NOON_MS - HOUR_MS + 10)])
    product.wait_applied()
    assert product.segments("u-1", NOON_MS + 9, space) == ["two"]
    assert product.segments("u-1", NOON_MS + 10, space) == ["old"]


def test_an_event_counts_once_however_often_and_with_whatever_content_it_is_sent(product: Product, space: str) -> None:
    product.define(one="count('view') == 1", first="sum('view', 'value') == 1", buys="count('buy') >= 1")
    first = event(space, "e-1", properties={"value": 1})
    product.send([first, first, event(space, "e-1", properties={"value": 7})])
    product.wait_applied()
    product.send([event(space, "e-1", ts=NOON_MS - 1, properties={"value": 9})])
    product.send([event(space, "e-1", type="buy")])
    product.wait_applied()
    assert product.segments("u-1", NOON_MS, space) == ["first", "one"]


def test_spaces_keep_their_users_apart(product: Product, space: str) -> None:
    product.define(one="count('view') == 1")
    product.send([event(space, "e-1"), event(f"{space}x", "e-1"), event(f"{space}x", "e-2")])
    product.wait_applied()
    assert product.segments("u-1", NOON_MS, space) == ["one"]
    assert product.segments("u-1", NOON_MS, f"{space}x") == []
    assert not product.lookup("u-1", NOON_MS, f"{space}y")["known"]


def test_new_changed_and_deleted_segments_reach_users_who_do_nothing(product: Product, space: str) -> None:
    users = [f"u-{number}" for number in range(150)]
    product.send([event(space, "e-1", user) for user in users])
    product.wait_applied()
    who = random.Random(0).sample(users, 5)

    def found() -> list[list[str]]:
        return [product.segments(user, NOON_MS, space) for user in who]

    product.define(a="count('view') == 1")
    assert found() == [["a"]] * 5
    product.define(a="count('view') == 2", b="count('view') == 1")
    assert found() == [["b"]] * 5
    product.delete("b")
    product.wait_refreshed()
    assert found() == [[]] * 5


def test_the_latest_consent_decides_which_segments_are_told(product: Product, space: str) -> None:
    product.put("ad", "count('view') >= 1", purposes=[1, 4])
    product.define(any="count('view') >= 1")
    every, consented = ["ad", "any"], {"purposes": [1, 3, 4]}
    expected = {None: every, (1, 3, 4): every, (1,): ["any"], (): ["any"]}
    for number, (purposes, segments) in enumerate(expected.items()):
        consent = None if purposes is None else {"purposes": list(purposes)}
        product.send([event(space, f"e-{number}", ts=NOON_MS + number, consent=consent)])
        product.wait_applied()
        assert product.segments("u-1", NOON_MS + number, space) == segments
    product.send([event(space, "late", consent=consented)])
    product.wait_applied()
    assert product.segments("u-1", NOON_MS + 9, space) == ["any"]
