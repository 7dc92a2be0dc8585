"""Durations as rules write them: a whole positive number and a unit, `"30m"`, `"1h"`, `"7d"`."""

import re
from fractions import Fraction

UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
MAX_DURATION_MS = 10_000 * 366 * UNITS_MS["d"]

_DURATION = re.compile(r"([0-9]{1,15})(ms|[smhdw])")
_LOOSE = re.compile(r"\s*([0-9]{1,15})(?:[.,]([0-9]{1,9}))?[\s_-]*([A-Za-z]+)\.?\s*")
_WORDS = {
    "week": "1w",
    "wk": "1w",
    "day": "1d",
    "hour": "1h",
    "hr": "1h",
    "minute": "1m",
    "min": "1m",
    "second": "1s",
    "sec": "1s",
    "month": "30d",
    "year": "365d",
    "y": "365d",
}


def parse_duration(text: str) -> int:
    """Milliseconds of `text`. Raises ValueError, with what a duration looks like, for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError('a duration: a whole number and a unit of ms, s, m, h, d or w, such as "30m" or "7d"')
    duration_ms = int(match[1]) * UNITS_MS[match[2]]
    if not 0 < duration_ms <= MAX_DURATION_MS:
        raise ValueError("a duration longer than zero and of at most ten thousand years")
    return duration_ms


def format_duration(duration_ms: int) -> str:
    """The shortest text that `parse_duration` reads back: the largest unit that divides it."""
    unit = next(unit for unit, unit_ms in UNITS_MS.items() if duration_ms % unit_ms == 0)
    return f"{duration_ms // UNITS_MS[unit]}{unit}"


def likely_duration(text: str) -> str | None:
    """The duration that was meant by one written another way, `7 days` or `1.5h`; None where that is not plain."""
    match = _LOOSE.fullmatch(text)
    unit = _unit(match[3].lower()) if match else None
    if match is None or unit is None:
        return None
    unit_number, unit_name = int(unit.rstrip("wdhms")), unit.lstrip("0123456789")
    number = Fraction(f"{match[1]}.{match[2] or 0}") * unit_number
    duration_ms = number * UNITS_MS[unit_name]
    if duration_ms.denominator != 1 or not 0 < duration_ms <= MAX_DURATION_MS:
        return None
    return f"{number}{unit_name}" if number.denominator == 1 else format_duration(int(duration_ms))


def _unit(word: str) -> str | None:
    """The duration that a word for a unit stands for."""
    return f"1{word}" if word in UNITS_MS else _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
