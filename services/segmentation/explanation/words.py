"""English for what rules speak of: numbers, values, durations, moments, events. It takes care that all of it is short
and that nothing in it can break an answer."""

import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import Any

from services.segmentation.events import MAX_TS_MS
from services.segmentation.keep import CONTEXT
from services.segmentation.rules.calendar import local_time
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.rules.nodes import Filter, Literal, Selection, Window
from services.segmentation.rules.request import WEEKDAYS

_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond"}
_CALENDAR = {"today": " today", "this_week": " this week", "this_month": " this month"}
_WORD = re.compile(r"[\w.:/+-]{1,60}")
_LARGEST = 1.7976931348623157e308
_INTEGERS = range(-(2**63), 2**64)
_MAX_TEXT = 60


def clean(text: str) -> str:
    """The text without what UTF-8 cannot write: half of a pair, which only an escape in a rule can make."""
    return text.encode("utf-8", "replace").decode()


def plain(value: object) -> Any:
    """The value as JSON that every reader takes: numbers as whole ones of 64 bits or as finite doubles."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Fraction):
        return plain(value.numerator) if value.denominator == 1 else _double(value)
    if isinstance(value, float):
        return max(-_LARGEST, min(value, _LARGEST))
    if isinstance(value, int):
        return value if value in _INTEGERS else _double(value)
    if isinstance(value, dict):
        return {clean(name): plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _double(number: Fraction | int) -> float:
    try:
        return float(number)
    except OverflowError:
        return _LARGEST if number > 0 else -_LARGEST


def said(value: object) -> str:
    """A value of an event, a trait, a request or a rule."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, tuple):
        return ", ".join(said(each) for each in value[:3]) + (", …" if len(value) > 3 else "")
    if isinstance(value, int | float | Fraction):
        return number(value)
    text = clean(str(value))
    return text if _WORD.fullmatch(text) else quoted(text)


def quoted(text: str, most: int = _MAX_TEXT) -> str:
    """The text in quotes, on one line and not too long."""
    shown = "".join(each if each.isprintable() else " " for each in clean(text[:most]))
    return f'"{shown}{"…" if len(text) > most else ""}"'


def number(value: float | Fraction, digits: int = 10) -> str:
    double = float(plain(value))
    if double == int(double) and abs(double) < 10**15:
        return str(int(double))
    return f"{double:.{digits}g}"


def inexact(value: float, beside: Iterable[Literal]) -> str:
    """A fraction in few digits, but in so many that it cannot be taken for a number that it is compared with."""
    others = {number(other) for each in beside if (other := each.value) != value and isinstance(other, int | float)}
    return next((text for digits in (4, 8) if (text := number(value, digits)) not in others), repr(value))


def age(ms: int) -> str:
    """A duration in its two largest units: `3d 4h`."""
    parts = []
    for unit in _UNITS:
        count, ms = divmod(ms, UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


def length(ms: int) -> str:
    """A duration that a rule writes: `30 days`."""
    unit = next(unit for unit in _UNITS if ms % UNITS_MS[unit] == 0)
    count = ms // UNITS_MS[unit]
    return f"{count} {_UNITS[unit]}{'' if count == 1 else 's'}"


def within(window: Window | None) -> str:
    if window is None or not isinstance(window, int):
        return _CALENDAR.get(str(window), "")
    return f" in the last {length(window).removeprefix('1 ')}"


def moment(at_ms: int, zone: tzinfo, beside_ms: int | None = None) -> str:
    """A moment by the clocks of a zone; the day is left out where it is that of another moment just told."""
    if at_ms > MAX_TS_MS - 366 * UNITS_MS["d"]:
        return "the year 9999 or later"
    local = local_time(at_ms, zone)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    is_same_day = beside_ms is not None and local.date() == local_time(beside_ms, zone).date()
    return f"{'' if is_same_day else f'{local:%Y-%m-%d} '}{clock} {local.tzname()}"


def weekday(number: object) -> str:
    return WEEKDAYS[number - 1].title() if isinstance(number, int) and 1 <= number <= 7 else said(number)


def events(selection: Selection) -> str:
    """`add_to_cart of category shoes or boots and brand x`."""
    return selection.type + (f" of {' and '.join(map(passed, selection.filters))}" if selection.filters else "")


def passed(wanted: Filter) -> str:
    return f"{path(wanted.field)} {any_of([said(each.value) for each in wanted.any_of])}"


def any_of(values: Sequence[str], most: int = 6) -> str:
    """`a or b or c`; what goes beyond `most` is only counted."""
    more = [f"{len(values) - most} more"] if len(values) > most else []
    return " or ".join([*values[:most], *more])


def path(field: str) -> str:
    """The name of a property, or the path of a context value."""
    return said(field.removeprefix(CONTEXT))


def article(noun: str) -> str:
    return f"{'an' if noun[:1] in tuple('aeiou') else 'a'} {noun}"


def more(count: int, noun: str, *, of_some: bool) -> str:
    """So many of something, of which there are some already or none."""
    if count == 1:
        return f"one more {noun}" if of_some else article(noun)
    return f"{count}{' more' if of_some else ''} {noun}"


def enumerated(parts: Sequence[str], word: str, most: int = 6) -> str:
    """`has a, has b and is c` as `has a, b and is c`; what goes beyond `most` is only counted."""
    shown = [
        part.removeprefix("has ") if before.startswith("has ") else part
        for before, part in pairwise(["", *parts[:most]])
    ]
    if len(parts) > most:
        shown.append(f"{len(parts) - most} more conditions")
    return f" {word} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
