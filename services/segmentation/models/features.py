"""What a model measures of a user: terms and conditions of the rule language as numbers of like size.

The law: a feature is a function of the profile and of a moment that is not before its latest event. It is finite and
within `BOUND`, or None where there is nothing to measure:

- of a number the logarithm, sign(v) * log1p(|v|), for there are always a few users who do everything a hundred times;
- of a time log1p of its minutes, for a visit has its times as a year has; `NEVER_DAYS` stand for whatever never was, or
  was even longer ago;
- a share as it is; 1 for what is true and 0 for what is false; None of text, and of a value or an average without any.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Self, TypeVar

from services.segmentation.intervals import ALWAYS, NEVER, complement, contains, intersection, union
from services.segmentation.keep import KeepList
from services.segmentation.models.measures import Measure, Values, age_of, count_of, number_of
from services.segmentation.models.samples import BOUND, Vector
from services.segmentation.rules import nodes
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.leaves import Evaluate, Leaves, LooksAt, latest_value
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.parse import parse_feature
from services.segmentation.rules.scene import Scene

NEVER_DAYS = 3_650

_FARTHEST = math.floor(math.expm1(BOUND))
_MINUTE_MS = UNITS_MS["m"]
_NEVER_MS = NEVER_DAYS * UNITS_MS["d"]

Measured = nodes.Term | nodes.Condition
T = TypeVar("T")


class BadFeature(ValueError):
    """The text of one of a model's features cannot be accepted."""

    def __init__(self, name: str, error: RuleError) -> None:
        super().__init__(f"feature {name}: {error}")
        self.name, self.error = name, error


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    names: tuple[str, ...]
    looks_at: LooksAt
    """What of a profile they depend on, together. A scene that follows a profile has columns of the strands that its
    index knows: `leaves` have to be those of its catalog, and the index has to be told of these."""
    measures: tuple[Measure, ...]

    @classmethod
    def of(cls, texts: Mapping[str, str], keep: KeepList, leaves: Leaves | None = None) -> Self:
        """Features by their names; `leaves` are those of the rules whose scenes are measured. Raises BadFeature."""
        shared = Leaves() if leaves is None else leaves
        terms = terms_of(texts, keep)
        measures = tuple(_feature(term, shared) for term in terms.values())
        return cls(tuple(terms), looks_at(terms.values(), shared), measures)

    def vector(self, scene: Scene, at_ms: int) -> Vector:
        """What is measured at a moment that is not before the profile's `latest_ms`."""
        (vector,) = self.vectors(scene, (at_ms,))
        return vector

    def vectors(self, scene: Scene, moments: Sequence[int]) -> Sequence[Vector]:
        """The same at several that rise, at least one: exactly what is measured at each of them alone."""
        columns, number = [measure(scene, moments) for measure in self.measures], len(moments)
        whole = [each if len(each) == number else [*each] * number for each in columns]
        return [*zip(*whole, strict=True)]


def terms_of(texts: Mapping[str, str], keep: KeepList) -> dict[str, Measured]:
    """What the texts of features say, by their names. Raises BadFeature."""
    found: dict[str, Measured] = {}
    for name, text in texts.items():
        try:
            found[name] = parse_feature(text, keep)
        except RuleError as error:
            raise BadFeature(name, error) from None
    return found


def looks_at(terms: Iterable[Measured], leaves: Leaves) -> LooksAt:
    """What of a profile can change any of them."""
    parts = [leaves.of(leaf).looks_at for term in terms for leaf in _leaves_of(term)]
    return LooksAt(
        strands=_each_once(part.strands for part in parts),
        traits=_each_once(part.traits for part in parts),
        paths=_each_once(part.paths for part in parts),
        first_event=any(part.first_event for part in parts),
        calendar=any(part.calendar for part in parts),
    )


def _feature(term: Measured, leaves: Leaves) -> Measure:
    match term:
        case nodes.Trait() | nodes.Last():
            return lambda scene, _: [_of_value(latest_value(term, scene.profile))]
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            ages = age_of(term, leaves)
            return lambda scene, moments: [_of_age(age_ms) for age_ms in ages(scene, moments)]
        case nodes.Share():
            return number_of(term, leaves)
        case nodes.Count() | nodes.Distinct() | nodes.Decayed():  # no user has so many events as to be out of bounds
            counts = count_of(term, leaves)
            return lambda scene, moments: [*map(math.log1p, counts(scene, moments))]
        case nodes.Sum() | nodes.Average():
            numbers = number_of(term, leaves)
            return lambda scene, moments: [_of_number(value) for value in numbers(scene, moments)]
        case nodes.Request() | nodes.Cluster() | nodes.Score() | nodes.Rfm():
            raise AssertionError(f"the parser lets no such feature through: {term}")
    holds = _truth(term, leaves)

    def truths(scene: Scene, moments: Sequence[int]) -> Values:
        held = holds(scene)
        return [float(contains(held, at_ms)) for at_ms in (moments[:1] if held in (NEVER, ALWAYS) else moments)]

    return truths


def _truth(condition: nodes.Condition, leaves: Leaves) -> Evaluate:
    """Leaves are evaluated anew each time: a scene that follows a profile remembers those of its rules alone."""
    match condition:
        case nodes.Not(operand):
            holds = _truth(operand, leaves)
            return lambda scene: complement(holds(scene))
        case nodes.And(operands) | nodes.Or(operands):
            parts = [_truth(operand, leaves) for operand in operands]
            join = intersection if isinstance(condition, nodes.And) else union
            return lambda scene: reduce(join, (part(scene) for part in parts))
    return leaves.of(condition).evaluate


def _of_number(value: float | None) -> float | None:
    if value is None:
        return None
    if value < 0:
        return -math.log1p(min(-value, _FARTHEST))
    return math.log1p(value) if value < _FARTHEST else math.log1p(_FARTHEST)


def _of_age(age_ms: float | None) -> float:
    return math.log1p((age_ms if age_ms is not None and age_ms < _NEVER_MS else _NEVER_MS) / _MINUTE_MS)


def _of_value(value: object) -> float | None:
    match value:
        case bool():
            return float(value)
        case int():
            return _of_number(value)
        case float() if not math.isnan(value):
            return _of_number(value)
    return None


def _leaves_of(term: Measured) -> Iterable[nodes.Leaf]:
    """Those of a condition; of a term a comparison, which looks at what the term is made of."""
    if isinstance(term, nodes.TimeTerm):
        return [nodes.Compare(term, ">", Literal("duration", 1))]
    if isinstance(term, nodes.Term):
        return [nodes.Compare(term, ">", Literal("number", 0))]
    return nodes.leaves(term)


def _each_once(several: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(several)))
