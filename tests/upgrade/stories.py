"""Events of some users and the segments they are judged by, in terms that every release so far understands."""

import json
import sys
from typing import Any

RULES = {
    "in-cart": "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0",
    "spenders": "sum('purchase', 'value') > 100 or avg('purchase', 'value') >= 30",
    "curious": "distinct('view', 'category', within='7d') >= 2",
    "lapsed": "since('purchase') > '30d' and tenure() >= '1d'",
    "mobile": "last('device.type') == 'mobile' or trait('loyalty') == 'gold'",
    "nested": "count('view', within='2h') in [1, 3, 5, 7, 9]",
}

_T = 1_732_240_000_000
_HOUR = 3_600_000


def _event(user: str, number: int, kind: str, ts_ms: int, **more: Any) -> dict[str, Any]:
    return {"event_id": f"e-{number}", "user_id": user, "space": "default", "type": kind, "ts": ts_ms, **more}


def stories() -> dict[str, list[dict[str, Any]]]:
    """By user, in order of arrival."""
    shopper = [
        _event("shopper", 1, "view", _T, properties={"category": "shoes", "item_id": "p1"}),
        _event("shopper", 2, "view", _T + _HOUR, properties={"category": "hats", "item_id": 7}),
        _event("shopper", 3, "add_to_cart", _T + 2 * _HOUR, properties={"category": "hats", "value": 19.99}),
        _event("shopper", 4, "purchase", _T + 3 * _HOUR, properties={"value": 89.9, "brand": None}),
        _event("shopper", 5, "purchase", _T - 40 * 24 * _HOUR, properties={"value": 2**60}),
        _event("shopper", 4, "purchase", _T + 3 * _HOUR, properties={"value": 1}),
    ]
    member = [
        _event("member", 1, "login", _T, traits={"loyalty": "gold", "age": 34}, consent={"purposes": [1, 3, 4]}),
        _event("member", 2, "view", _T + 5, context={"device": {"type": "mobile", "os": "iOS"}}),
        _event("member", 3, "login", _T - 9, traits={"loyalty": "silver"}, consent={"purposes": []}),
    ]
    reader = [
        _event("reader", number, "view", _T + number * 60_000, properties={"category": f"c-{number % 3}"})
        for number in range(300)
    ]
    return {"shopper": shopper, "member": member, "reader": reader}


if __name__ == "__main__":
    json.dump({"rules": RULES, "stories": stories()}, sys.stdout)
