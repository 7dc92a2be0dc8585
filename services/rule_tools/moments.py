"""Moments and durations as people write them."""

from datetime import tzinfo

from services.segmentation.rules.calendar import local_time
from services.segmentation.rules.durations import UNITS_MS


def shown_moment(at_ms: int, zone: tzinfo) -> str:
    """A moment to the millisecond, by the clocks of a zone."""
    shown = local_time(at_ms, zone)
    return f"{shown:%a %d %b %Y %H:%M:%S}.{at_ms % 1000:03d}"


def short_moment(at_ms: int, zone: tzinfo) -> str:
    return f"{local_time(at_ms, zone):%d %b %Y %H:%M}"


def shown_duration(duration_ms: int) -> str:
    """A duration in its two largest units: what is less is left out."""
    parts: list[str] = []
    for unit in ("d", "h", "m", "s", "ms"):
        number, duration_ms = divmod(duration_ms, UNITS_MS[unit])
        if number or parts:
            parts.append(f"{number}{unit}" if number else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts)) or "0ms"
