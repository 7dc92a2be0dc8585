"""Calendar days, weeks and months by the clocks of a zone, as moments in milliseconds since 1970."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from services.segmentation.events import MAX_TS_MS
from services.segmentation.rules.nodes import Calendar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = MAX_TS_MS - 40 * 86_400_000  # a whole month before the last date there is


def local_time(at_ms: int, zone: tzinfo) -> datetime:
    """What the clocks of `zone` show at a moment; one that stands for all later ones ends what has a date."""
    return (_EPOCH + min(at_ms, _LAST_MS) * _MILLISECOND).astimezone(zone)


def period(window: Calendar, at_ms: int, zone: tzinfo) -> tuple[int, int]:
    """The day, week or month [begin_ms, end_ms) that a moment is in."""
    return _bounds(window, local_time(at_ms, zone).date(), zone)


@lru_cache(maxsize=4096)  # nearly all users are in one of few periods
def _bounds(window: Calendar, day: date, zone: tzinfo) -> tuple[int, int]:
    begin, end = _days(window, day)
    return _midnight_ms(begin, zone), _midnight_ms(end, zone)


def _days(window: Calendar, day: date) -> tuple[date, date]:
    match window:
        case "today":
            return day, day + timedelta(days=1)
        case "this_week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case "this_month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=32)).replace(day=1)


def _midnight_ms(day: date, zone: tzinfo) -> int:
    """When a day begins; of a midnight that the clocks skip, the moment at which they skip it (PEP 495)."""
    return (datetime.combine(day, time(), zone).astimezone(UTC) - _EPOCH) // _MILLISECOND
