"""Local time by brute force: what the clocks of a zone show, and never a computed beginning of anything."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Calendar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER_MS = 15 * 60_000
"""Clocks are set a whole number of quarters ahead of or behind UTC, and shifted at one."""
ZONE_NAME = re.compile("[A-Za-z0-9+_/-]{1,64}")


def local(at_ms: int, zone: tzinfo) -> datetime:
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)


def page(window: Calendar, at_ms: int, zone: tzinfo) -> tuple[int, ...]:
    """The day, week or month that the calendar on the wall shows: moments are in the same one if these are equal."""
    shown = local(at_ms, zone).date()
    pages = {
        "today": (shown.year, shown.month, shown.day),
        "this_week": shown.isocalendar()[:2],
        "this_month": (shown.year, shown.month),
    }
    return pages[window]


def first_instant(day: str, zone: tzinfo) -> int:
    """When the clocks of the zone first show `day`, such as 2024-12-31, tried out quarter by quarter."""
    noon_ms = (datetime.fromisoformat(f"{day}T12:00Z") - EPOCH) // timedelta(milliseconds=1)
    quarters = range(noon_ms - 30 * 3_600_000, noon_ms + 30 * 3_600_000, QUARTER_MS)
    return next(at_ms for at_ms in quarters if local(at_ms, zone).date().isoformat() == day)


def clock_of_request(request: Mapping[str, Any], events: Iterable[Event], space_zone: tzinfo) -> tzinfo:
    """The zone of a request's hour and weekday: the request's own, else the user's, else the space's."""
    # Reading: a request's time zone that is no zone's name says nothing; the user's, if it says so, the space's.
    named = request.get("timezone")
    return (_zone(named) if isinstance(named, str) else None) or _own_zone(events) or space_zone


def _own_zone(events: Iterable[Event]) -> tzinfo | None:
    """The zone that the newest event names, of those that name one; None if there is no such zone."""
    naming = [event for event in events if _is_name(event.context.get("timezone"))]
    if not naming:
        return None
    newest = max(naming, key=lambda event: (event.ts_ms, event.event_id))
    return _zone(newest.context["timezone"])


def _is_name(value: object) -> bool:
    return isinstance(value, str) and ZONE_NAME.fullmatch(value) is not None


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
