"""What models say, by brute force: each is asked anew at every moment, with features measured on the raw events."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from services.segmentation.models.definition import ModelDefinition, RfmModel
from services.segmentation.models.measures import MOST
from services.segmentation.models.prediction import Output, predict
from services.segmentation.models.samples import BOUND, Vector
from services.segmentation.models.snapshots import Classes, Snapshot
from services.segmentation.rules import nodes
from services.segmentation.rules.durations import parse_duration
from services.segmentation.rules.parse import parse_feature
from tests.oracle.comparing import NEVER, kind, plain
from tests.oracle.seen import ABSENT, Seen, read, selected
from tests.oracle.terms import value_of
from tests.oracle.walking import walk

MINUTE_MS, DAY_MS = 60_000, 86_400_000
AGAIN_MS = (DAY_MS, 7 * DAY_MS, 30 * DAY_MS)
NEVER_MINUTES = 3_650 * 1_440

Judge = Callable[[nodes.Rule, Seen], bool]


@dataclass(frozen=True)
class Trained:
    """A model of a world."""

    definition: ModelDefinition
    snapshot: Snapshot | None

    @property
    def terms(self) -> list[nodes.Term | nodes.Condition]:
        if not isinstance(self.definition, RfmModel):
            return [parse_feature(text) for text in self.definition.features.values()]
        model = self.definition
        within = None if model.within is None else parse_duration(model.within)
        selection = nodes.Selection(model.event, (), within)
        since = nodes.Since(replace(selection, within=None))
        return [since, nodes.Count(selection), nodes.Sum(selection, model.value)]

    @property
    def ages_ms(self) -> set[int]:
        """How old events are when something may change."""
        if not isinstance(self.definition, RfmModel):
            return set(AGAIN_MS)
        body = self.snapshot.body if self.snapshot else None
        bounds = body.recency_ms if isinstance(body, Classes) else ()
        return {*bounds, *(() if self.definition.within is None else [parse_duration(self.definition.within)])}


def model_value(term: nodes.ModelTerm, seen: Seen, judge: Judge) -> Any:
    """What the term is worth; `judge` says whether a condition holds."""
    trained = seen.models.get(term.model)
    output = None if trained is None else _output(trained, seen, judge)
    if isinstance(term, nodes.Rfm) and output is not None:
        return plain(getattr(output, term.part))
    return plain(output)


def _output(trained: Trained, seen: Seen, judge: Judge) -> Output:
    snapshot, terms = trained.snapshot, trained.terms
    if snapshot is None or snapshot.definition != trained.definition.digest:
        return None
    if isinstance(trained.definition, RfmModel):
        return predict(snapshot, _purchases(terms, seen))
    newest_ms = max((at for term in terms for at in _looked_at(term, seen)), default=None)
    asked_ms = 0
    if newest_ms is not None:
        asked_ms = max(at for at in (newest_ms, *(newest_ms + later for later in AGAIN_MS)) if at <= seen.at_ms)
    then = replace(seen, at_ms=asked_ms)
    return predict(snapshot, tuple(_measured(term, then, judge) for term in terms))


def _purchases(terms: list[nodes.Term | nodes.Condition], seen: Seen) -> Vector:
    age, count, total = (value_of(term, seen) for term in terms if isinstance(term, nodes.Term))
    return (None, None, None) if age == NEVER else (age, int(count), float(max(-MOST, min(MOST, total))))


def _looked_at(term: object, seen: Seen) -> Iterator[int]:
    """The moments of all in the profile that a feature looks at."""
    for part in walk(term):
        match part:
            case nodes.Selection():
                yield from (event.ts_ms for event in selected(replace(part, within=None), seen))
            case nodes.Share():
                yield from (event.ts_ms for event in selected(nodes.Selection(part.type), seen))
            case nodes.Tenure():
                yield from [min(event.ts_ms for event in seen.events)] if seen.events else []
            case nodes.Trait(name):
                yield from (event.ts_ms for event in seen.events if name in event.traits)
            case nodes.Last(path):
                values = ((event.ts_ms, read(event, f"context.{path}", seen.keep)) for event in seen.events)
                yield from (ts_ms for ts_ms, value in values if value is not ABSENT)


def _measured(term: nodes.Term | nodes.Condition, seen: Seen, judge: Judge) -> float | None:
    if not isinstance(term, nodes.Term):
        return float(judge(term, seen))
    value = value_of(term, seen)
    if isinstance(term, nodes.TimeTerm):
        return math.log1p(NEVER_MINUTES if value == NEVER else min(value / MINUTE_MS, NEVER_MINUTES))
    if kind(value) == "boolean":
        return float(value)
    if kind(value) != "number":
        return None
    if isinstance(term, nodes.Share):
        return float(value)
    size = math.log1p(min(abs(value), math.floor(math.expm1(BOUND))))
    return size if value >= 0 else -size
