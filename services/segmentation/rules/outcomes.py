"""What the subjects of a condition can turn out to be: for each a few values that stand for all that it can have.

They are the constants that it is compared with, and something between and beyond these, as far as the subject can go.
Subjects that bound each other share their constants, so that one can turn out less than, equal to or more than another.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from math import floor

from services.segmentation.rules import nodes
from services.segmentation.rules.bounds import ABSENT, Outcome, Subject, bound
from services.segmentation.rules.request import HOUR, WEEKDAY

_CLOCK = {HOUR: range(24), WEEKDAY: range(1, 8)}

_CLUSTER = re.compile("c[1-9][0-9]*")
_OTHER_CLUSTER = "another cluster"
"""Stands for all that a rule does not name."""

_ZERO, _ONE = Fraction(0), Fraction(1)


def outcomes(condition: nodes.Condition) -> Mapping[Subject, Sequence[Outcome]]:
    """The values that stand for all, of every subject of a condition."""
    compared: dict[Subject, list[nodes.Literal]] = {}
    for leaf in nodes.leaves(condition):
        for subject in subjects(leaf):
            compared.setdefault(subject, []).extend(constants(leaf))
    together = any(len(subjects(leaf)) > 1 for leaf in nodes.leaves(condition))
    found = {}
    for subject in compared:
        kin = _kin(subject, compared, times_together=together)
        found[subject] = _outcomes(subject, [each for one in kin for each in compared[one]], len(kin))
    return found


def subjects(leaf: nodes.Leaf) -> Sequence[Subject]:
    """What a leaf is about: one subject, or two times that are compared."""
    match leaf:
        case nodes.Compare(left, _, right):
            return [each for each in (left, right) if not isinstance(each, nodes.Literal)]
        case nodes.Member(term) | nodes.Holds(term):
            return [term]
        case nodes.InSegment() | nodes.Listed():
            return [leaf]


def constants(leaf: nodes.Leaf) -> Sequence[nodes.Literal]:
    """The constants that a leaf compares its subject with."""
    match leaf:
        case nodes.Compare(left, _, right):
            return [each for each in (left, right) if isinstance(each, nodes.Literal)]
        case nodes.Member(_, any_of):
            return any_of
        case nodes.Holds(nodes.Trait() | nodes.Last()):
            return [nodes.Literal("boolean", True)]
    return []


def filters(subject: Subject) -> Sequence[nodes.Filter]:
    """The filters of all the events that a subject looks at."""
    match subject:
        case nodes.Sequence(steps):
            return [each for step in steps for each in step.filters]
        case nodes.Share(_, part):
            return [part]
        case nodes.Count(events) | nodes.Sum(events) | nodes.Average(events) | nodes.Distinct(events):
            return events.filters
        case nodes.Decayed(events) | nodes.Since(events):
            return events.filters
    return []


def matches_nothing(subject: Subject) -> bool:
    """Whether a filter takes no event at all, since nothing equals None and nothing is in an empty list."""
    return any(all(literal.kind == "none" for literal in each.any_of) for each in filters(subject))


def _kin(subject: Subject, others: Collection[Subject], *, times_together: bool) -> Sequence[Subject]:
    """The subject and all others whose values have to be comparable with its own."""
    kin: list[Subject] = [each for each in others if _family(each) == _family(subject)]
    related = any(bound(*pair) for pair in permutations(kin, 2)) or (
        times_together and isinstance(subject, nodes.TimeTerm)
    )
    return kin if related else [subject]


def _family(subject: Subject) -> object:
    match subject:
        case nodes.Count(events) | nodes.Distinct(events):
            return "counts", events.type
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            return "times"
    return subject


def _outcomes(subject: Subject, literals: Sequence[nodes.Literal], copies: int) -> Sequence[Outcome]:
    if matches_nothing(subject):
        return [_of_nothing(subject)]
    numbers = [_number(each) for each in literals if each.kind in ("number", "duration")]
    match subject:
        case nodes.InSegment() | nodes.Listed():
            return [False, True]
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            return [*_whole(numbers, copies), ABSENT]
        case nodes.Trait() | nodes.Last():
            return [None, *_values(literals)]
        case nodes.Cluster():
            return [None, _OTHER_CLUSTER, *(text for text in _texts(literals) if _CLUSTER.fullmatch(text))]
        case nodes.Score():
            return [None, *_from_0_to_1(numbers)]
        case nodes.Rfm():
            return [None, *range(1, 6)]
        case nodes.Request(path):
            return list(dict.fromkeys(_said(path, numbers, literals)))
        case number:
            return _amounts(number, numbers)


def _amounts(term: nodes.NumberTerm, numbers: Sequence[Fraction]) -> Sequence[Outcome]:
    match term:
        case nodes.Count() | nodes.Distinct():
            return _whole(numbers, 1)
        case nodes.Sum():
            return _around(numbers)
        case nodes.Average():
            return [None, *_around(numbers)]
        case nodes.Decayed():
            return [each for each in _around([*numbers, _ZERO]) if each >= 0]
        case nodes.Share():
            return _from_0_to_1(numbers)


def _from_0_to_1(numbers: Sequence[Fraction]) -> Sequence[int | float]:
    return [each for each in _around([*numbers, _ZERO, _ONE]) if 0 <= each <= 1]


def _of_nothing(subject: Subject) -> Outcome:
    """What a term is worth that looks at no event."""
    return ABSENT if isinstance(subject, nodes.TimeTerm) else None if isinstance(subject, nodes.Average) else 0


def _whole(numbers: Iterable[Fraction], copies: int) -> Sequence[int]:
    """Whole numbers from 0 up: each of the numbers, and as many as `copies` between and beyond them."""
    steps = range(copies + 1)
    near = {floor(each) + step for each in numbers for step in steps}
    return sorted(each for each in near.union(range(copies)) if each >= 0)


def _around(numbers: Iterable[Fraction]) -> Sequence[int | float]:
    """Each of the numbers, one between two neighbours and one on either side of all."""
    each = sorted(set(numbers)) or [_ZERO]
    between = [(low + high) / 2 for low, high in pairwise(each)]
    low, high = each[0] - _beyond(each[0]), each[-1] + _beyond(each[-1])
    return [_plain(number) for number in sorted([low, *each, *between, high])]


def _beyond(number: Fraction) -> int:
    """Far enough from a number not to equal it, as fractions that are next to each other do."""
    return max(1, floor(abs(number) / 1_000_000))


def _number(literal: nodes.Literal) -> Fraction:
    assert isinstance(literal.value, int | float)
    return Fraction(literal.value)


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _values(literals: Sequence[nodes.Literal]) -> Sequence[str | float | bool]:
    """Of each kind that occurs among the constants: them, and what is between and beyond them."""
    kinds = {each.kind for each in literals}
    numbers = [_number(each) for each in literals if each.kind == "number"]
    texts = _texts(literals)
    return [
        *([False, True] if "boolean" in kinds else []),
        *(_around(numbers) if numbers else []),
        *({"", *texts, *(f"{text}\0" for text in texts)} if texts else []),
    ]


def _texts(literals: Sequence[nodes.Literal]) -> set[str]:
    return {str(each.value) for each in literals if each.kind == "string"}


def _said(path: str, numbers: Sequence[Fraction], literals: Sequence[nodes.Literal]) -> Iterator[tuple[Outcome, bool]]:
    """What a request can say: of a clock a whole number; else any value, strictly or as text that is read by need."""
    if path in _CLOCK:
        yield from ((each, False) for each in [_CLOCK[path][0], *_whole(numbers, 1)] if each in _CLOCK[path])
        return
    yield None, False
    for value in _values(literals):
        yield value, False
        yield str(value).lower() if isinstance(value, bool) else str(value), True
