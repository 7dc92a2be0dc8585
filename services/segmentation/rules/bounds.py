"""What the value of one term says about that of another, whatever the user has done."""

import math
from collections.abc import Callable
from typing import Any

from services.segmentation.rules import nodes

Subject = nodes.Term | nodes.InSegment | nodes.Listed
"""What a condition is about: whatever can turn out one way or another."""

Outcome = Any
"""What a subject turns out to be: a number, text, True, False or None; of a time, milliseconds; of a request, what it
says and whether that is text."""

Bound = Callable[[Outcome, Outcome], bool]
"""Whether two subjects can turn out so together."""

ABSENT = math.inf
"""How long ago something was that never was."""


def bound(first: Subject, second: Subject) -> Bound | None:
    """What holds of two subjects in this order; None where nothing is known."""
    match first, second:
        case ((nodes.Count(few) | nodes.Distinct(few)), nodes.Count(many)) if _is_part(few, many):
            return lambda less, more: bool(less <= more)
        case nodes.Distinct(few, field), nodes.Distinct(many, other) if field == other and _is_part(few, many):
            return lambda less, more: bool(less <= more)
        case nodes.Since(few), nodes.Since(many) if _is_part(few, many):
            return lambda longer, shorter: bool(longer >= shorter)
        case ((nodes.Since() | nodes.Sequence()), nodes.Tenure()):
            return lambda since, tenure: bool(since == ABSENT or since <= tenure < ABSENT)
    return None


def _is_part(few: nodes.Selection, many: nodes.Selection) -> bool:
    """Whether every event that the first selects is selected by the second too."""
    filtered = all(any(_implies(mine, theirs) for mine in few.filters) for theirs in many.filters)
    return few.type == many.type and _is_shorter(few.within, many.within) and filtered


def _implies(mine: nodes.Filter, theirs: nodes.Filter) -> bool:
    return mine.field == theirs.field and set(mine.any_of) <= set(theirs.any_of)


def _is_shorter(first: nodes.Window | None, second: nodes.Window | None) -> bool:
    if second is None or first == second:
        return True
    if isinstance(first, int) and isinstance(second, int):
        return first <= second
    return first == "today" and isinstance(second, str)
