"""Whether a condition can be true and can be false, whatever the user has done.

A world gives each subject one of the values that stand for all. A set of worlds is a whole number with a bit for each,
so that and, or and not of conditions are those of numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from functools import reduce
from itertools import permutations
from math import prod
from operator import and_, or_

from services.segmentation.rules import nodes
from services.segmentation.rules.bounds import ABSENT, Outcome, Subject, bound
from services.segmentation.rules.decay import holds, sign
from services.segmentation.rules.outcomes import outcomes, subjects
from services.segmentation.rules.request import Facts, answer
from services.segmentation.rules.values import MIRRORED, ORDER, compare

MOST_SUBJECTS = 14
MOST_WORLDS = 2**MOST_SUBJECTS
"""Beyond it nothing is said: what is worth a warning is nearly always in a small part."""

Having = Mapping[Subject, Sequence[tuple[Outcome, int]]]
"""The values of each subject, and the worlds in which it has each."""


def verdict(condition: nodes.Condition) -> bool | None:
    """True if it always holds, False if it never does, None if it depends, or if there is too much to look at."""
    if len({subject for leaf in nodes.leaves(condition) for subject in subjects(leaf)}) > MOST_SUBJECTS:
        return None
    values = outcomes(condition)
    number = prod(len(each) for each in values.values())
    if number > MOST_WORLDS:
        return None
    worlds = (1 << number) - 1
    having = dict(_having(values, worlds))
    possible = _possible(having, worlds)
    true = _where(condition, having, possible)
    return True if true == possible else None if true else False


def _having(
    values: Mapping[Subject, Sequence[Outcome]], worlds: int
) -> Iterator[tuple[Subject, Sequence[tuple[Outcome, int]]]]:
    """Worlds are numbered like the readings of a counter with a wheel for each subject."""
    stride = 1
    for subject, choices in values.items():
        turn = stride * len(choices)
        turns = worlds // ((1 << turn) - 1)  # a bit where each turn of the wheel begins
        block = (1 << stride) - 1
        yield subject, [(value, (block << place * stride) * turns) for place, value in enumerate(choices)]
        stride = turn


def _possible(having: Having, worlds: int) -> int:
    """The worlds in which no subject breaks the bound that it is to another."""
    for first, second in permutations(having, 2):
        fits = bound(first, second)
        if fits is not None:
            worlds &= _union(
                here & there for one, here in having[first] for two, there in having[second] if fits(one, two)
            )
    return worlds


def _where(condition: nodes.Condition, having: Having, worlds: int) -> int:
    """Those of the worlds in which the condition holds."""
    match condition:
        case nodes.And(operands):
            return reduce(and_, [_where(each, having, worlds) for each in operands])
        case nodes.Or(operands):
            return _union(_where(each, having, worlds) for each in operands)
        case nodes.Not(operand):
            return worlds & ~_where(operand, having, worlds)
        case nodes.Compare(nodes.Since() | nodes.Tenure() | nodes.Sequence() as left, symbol, right) if isinstance(
            right, nodes.TimeTerm
        ):
            pairs = ((one, two, here & there) for one, here in having[left] for two, there in having[right])
            return worlds & _union(both for one, two, both in pairs if _compares_times(one, symbol, two))
        case leaf:
            (subject,) = subjects(leaf)
            return worlds & _union(here for value, here in having[subject] if _is_true(leaf, value))


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _is_true(leaf: nodes.Leaf, value: Outcome) -> bool:
    match leaf:
        case nodes.InSegment() | nodes.Listed() | nodes.Holds(nodes.Trait() | nodes.Last()):
            return value is True
        case nodes.Holds():
            return bool(value != ABSENT)
        case nodes.Compare() | nodes.Member() if isinstance(request := nodes.term_of(leaf), nodes.Request):
            said, as_text = value
            return answer(leaf, Facts(0, UTC, {request.path: said}, as_text))
        case nodes.Member(term, any_of, negated):
            return any(_compares(term, value, "==", each) for each in any_of) != negated
        case nodes.Compare(nodes.Literal() as literal, symbol, term):
            return _compares(term, value, MIRRORED[symbol], literal)
        case nodes.Compare(term, symbol, nodes.Literal() as literal):
            return _compares(term, value, symbol, literal)
    raise AssertionError(f"two times are compared elsewhere: {leaf}")


def _compares(term: nodes.Term | nodes.Literal, value: Outcome, symbol: nodes.Operator, literal: nodes.Literal) -> bool:
    if isinstance(term, nodes.TimeTerm):
        return ORDER[symbol](value, literal.value)
    if isinstance(term, nodes.InexactTerm):
        assert isinstance(literal.value, int | float)
        return value is not None and holds(symbol, sign(value, literal.value))
    return compare(value, symbol, literal)


def _compares_times(first: Outcome, symbol: nodes.Operator, second: Outcome) -> bool:
    """What never was is not compared with what never was either."""
    return not (first == second == ABSENT) and ORDER[symbol](first, second)
