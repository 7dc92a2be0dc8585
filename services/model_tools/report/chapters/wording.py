"""Numbers and traits in words."""

from datetime import UTC, datetime

from services.rule_tools.moments import shown_duration
from services.segmentation.models.snapshots import Trait
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.training.telling.measures import Measure, is_never

LARGE, MEDIUM = 0.8, 0.5
"""Effects, as Cohen's d is commonly read."""


def part(share: float) -> str:
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def number(value: float) -> str:
    """In as many digits as tell it."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"


def day_of(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%d %b %Y}"


def moment_of(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%d %b %Y %H:%M} UTC"


def duration(days: float) -> str:
    """Such as `4h 10m`, to the second."""
    seconds = round(days * UNITS_MS["d"] / UNITS_MS["s"])
    return "never" if is_never(days) else shown_duration(seconds * UNITS_MS["s"]) if seconds else "0s"


def sets_apart(trait: Trait, measure: Measure) -> str:
    """Such as `much more views, 12 instead of 3.9`, in what the feature is measured in."""
    told = part if measure.is_part else duration if measure.is_age else number
    strength = abs(trait.effect)
    degree = "much " if strength >= LARGE else "" if strength >= MEDIUM else "a bit "
    usual = f" instead of {told(trait.mean / trait.lift)}" if trait.lift else ""
    return f"{degree}{'more' if trait.effect > 0 else 'less'} {trait.feature}, {told(trait.mean)}{usual}"
