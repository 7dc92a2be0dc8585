"""What the rules of the fifty segments read, folded per user in plain Python: the same for every peer.

It is kept as cheap as it may be, in the peers' favour: windows are sums of hours or days that the reader adds up, late
events are put where they arrive, nothing is counted only once, and no segment is decided.
"""

from typing import Any

State = dict[str, Any]
Event = dict[str, Any]

HOUR_MS, DAY_MS = 3_600_000, 86_400_000

NUMBERS = {"product_view": ["value"], "add_to_cart": ["value"], "purchase": ["value", "quantity"]}
GROUPS = {
    "product_view": ["category", "brand"],
    "purchase": ["category", "campaign"],
    "page_view": ["category"],
    "ad_click": ["campaign"],
}
HALF_LIVES_MS = {"product_view": [HOUR_MS * 6, HOUR_MS * 12], "page_view": [HOUR_MS, DAY_MS]}
SEQUENCES = {
    "deciders": (["product_view", "add_to_cart", "purchase"], HOUR_MS * 2),
    "searched": (["search", "product_view", "add_to_cart"], HOUR_MS),
    "hesitated": (["add_to_cart", "product_view"], HOUR_MS),
    "clicked": (["ad_click", "product_view"], 300_000),
}
_STEPS: dict[str, list[tuple[str, int, int, int]]] = {}
for _name, (_steps, _within_ms) in SEQUENCES.items():
    for _index, _type in enumerate(_steps):
        _STEPS.setdefault(_type, []).append((_name, _index, len(_steps) - 1, _within_ms))
NEWEST = 8
"""Moments of each type that are kept: enough for the thresholds within minutes and hours."""


def new_state() -> State:
    return {"types": {}, "groups": {}, "sequences": {}, "latest": {}, "traits": {}}


def fold(state: State, event: Event) -> None:
    """Add one event."""
    ts_ms, event_type = event["ts"], event["type"]
    properties = event.get("properties") or {}
    state.setdefault("first", ts_ms)
    _count(state["types"], event_type, ts_ms, properties)
    for field in GROUPS.get(event_type, ()):
        if (value := properties.get(field)) is not None:
            _group(state["groups"], f"{event_type}.{field}.{value}", ts_ms)
    for name, index, last, within_ms in _STEPS.get(event_type, ()):
        _advance(state["sequences"].setdefault(name, [0] * (last + 1)), index, last, within_ms, ts_ms)
    context, latest = event.get("context") or {}, state["latest"]
    latest["device.type"] = context["device"]["type"]
    latest["geo.country"] = context["geo"]["country"]
    if traits := event.get("traits"):
        state["traits"].update(traits)


def _count(types: State, event_type: str, ts_ms: int, properties: Event) -> None:
    """Counts and sums by the hour, the newest moments, and the counts that fade."""
    found = types.get(event_type)
    if found is None:
        found = types[event_type] = {
            "hours": {},
            "newest": [],
            "decayed": [0.0] * len(HALF_LIVES_MS.get(event_type, ())),
        }
    newest, hours, hour = found["newest"], found["hours"], str(ts_ms // HOUR_MS)
    row = hours.get(hour)
    if row is None:
        row = hours[hour] = [0] * (1 + len(NUMBERS.get(event_type, ())))
    row[0] += 1
    for index, name in enumerate(NUMBERS.get(event_type, ()), 1):
        row[index] += properties.get(name, 0)
    passed_ms = ts_ms - newest[-1] if newest else 0
    for index, half_life_ms in enumerate(HALF_LIVES_MS.get(event_type, ())):
        found["decayed"][index] = found["decayed"][index] * 2.0 ** (-passed_ms / half_life_ms) + 1
    newest.append(ts_ms)
    if len(newest) > NEWEST:
        del newest[0]


def _group(groups: State, name: str, ts_ms: int) -> None:
    """The latest moment, and counts by the day."""
    found = groups.get(name)
    if found is None:
        found = groups[name] = [ts_ms, {}]
    days, day = found[1], str(ts_ms // DAY_MS)
    found[0] = ts_ms
    days[day] = days.get(day, 0) + 1


def _advance(begun: list[int], index: int, last: int, within_ms: int, ts_ms: int) -> None:
    """`begun` has, for each step, when the chain began that reached it; for the last one, when it was completed."""
    if index == 0:
        begun[0] = ts_ms
    elif ts_ms - begun[index - 1] <= within_ms:
        begun[index] = ts_ms if index == last else begun[index - 1]
