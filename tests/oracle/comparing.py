"""What values are and how they compare: everything that decides whether two of them are equal or ordered."""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from math import inf
from typing import Any

from services.segmentation.rules.nodes import Operator

NEVER = inf
EXACT = Fraction(0)
INEXACT = Fraction(1, 10**13)
WIDE = Context(prec=34, Emin=MIN_EMIN, Emax=MAX_EMAX)
"""Enough digits and powers of ten for every weight that a moment, a time and a half-life can make."""


def compare(left: Any, operator: Operator, right: Any, tolerance: Fraction = EXACT) -> bool:
    if left == NEVER and right == NEVER:
        return False
    order = _order(left, right, tolerance)
    truths = {
        "==": order == 0,
        "!=": order != 0,
        "<": order == -1,
        "<=": order in (-1, 0),
        ">": order == 1,
        ">=": order in (0, 1),
    }
    return truths[operator]


def _order(left: Any, right: Any, tolerance: Fraction) -> int | None:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`; None where they do not compare at all."""
    # Reading: None is unequal to everything, and so to a None that the rule writes: `trait("x") == None` is never true.
    if kind(left) is None or kind(left) != kind(right):
        return None
    if left == right or (tolerance > 0 and _are_close(left, right, tolerance)):
        return 0
    return -1 if left < right else 1


def _are_close(left: Any, right: Any, tolerance: Fraction) -> bool:
    # Reading: relative to the larger of the two magnitudes, and exactly the tolerance apart is still equal.
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        allowed = WIDE.multiply(decimal(tolerance), max(left.copy_abs(), right.copy_abs()))
        return WIDE.subtract(left, right).copy_abs() <= allowed
    return bool(abs(left - right) <= tolerance * max(abs(left), abs(right)))


def kind(value: object) -> str | None:
    """What a value can be compared with. None for what compares with nothing: null, absent, lists, objects."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Fraction | Decimal):
        return "number"
    return "string" if isinstance(value, str) else None


def plain(value: Any) -> Any:
    """The value, with a number as the exact fraction of its shortest decimal form; the rest is as it is."""
    # Reading: every number means the decimal that is written, in filters, traits and `distinct` as in sums.
    return Fraction(repr(value)) if kind(value) == "number" else value


def decimal(number: Fraction) -> Decimal:
    """To 34 digits; unlike a fraction, it can also be as small as what is left after a million half-lives."""
    return WIDE.divide(Decimal(number.numerator), Decimal(number.denominator))


def millionths(number: Any) -> int:
    exact: Fraction = plain(number)
    return round(exact * 10**6)  # of a fraction, `round` is exact, and half goes to even
