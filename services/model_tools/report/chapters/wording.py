"""Numbers and traits in words."""

from datetime import UTC, datetime

from services.segmentation.models.snapshots import Trait

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


def sets_apart(trait: Trait) -> str:
    """Such as `much more views, 12 instead of 3.9`."""
    strength = abs(trait.effect)
    degree = "much " if strength >= LARGE else "" if strength >= MEDIUM else "a bit "
    usual = f" instead of {number(trait.mean / trait.lift)}" if trait.lift else ""
    return f"{degree}{'more' if trait.effect > 0 else 'less'} {trait.feature}, {number(trait.mean)}{usual}"
