"""Durations as rules write them: a whole positive number and a unit, `"30m"`, `"1h"`, `"7d"`."""

import re

UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
MAX_DURATION_MS = 10_000 * 366 * UNITS_MS["d"]

_DURATION = re.compile(r"([0-9]{1,15})(ms|[smhdw])")


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
