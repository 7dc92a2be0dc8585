"""How much of the past that a rule looks at a profile still holds. Everything that decides it lives here.

A profile keeps the newest events of each type, and forgets older ones one by one. What rules look at is exact as long
as nothing that fell off is in it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, tzinfo

from services.segmentation.profile import Profile
from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import period
from services.segmentation.rules.leaves import origin
from services.segmentation.rules.nodes import Selection, Term
from services.segmentation.rules.outputs import SILENT, Outputs
from services.segmentation.rules.scene import Scene


def covered_since(rule: nodes.Rule, profile: Profile, zone: tzinfo = UTC, outputs: Outputs = SILENT) -> int | None:
    """The first moment from which on the profile holds all events that the rule looks at; None if none is missing.

    Milliseconds. `zone` is that of the calendar of the user's space. What other segments in it look at is theirs; what
    models look at that it names is its own.
    """
    looked_at = [*_looked_at(rule, profile), *_by_models(rule, profile, outputs)]
    moments = (_held_since(each, profile, zone) for each in looked_at)
    return max((at_ms for at_ms in moments if at_ms is not None), default=None)


def _by_models(rule: nodes.Rule, profile: Profile, outputs: Outputs) -> Iterator[Selection]:
    """Whatever its window: a model may have been asked a while ago, and by what was there last it is known when."""
    terms = [term for leaf in nodes.leaves(rule) if isinstance(term := nodes.term_of(leaf), nodes.ModelTerm)]
    for model in dict.fromkeys(term.model for term in terms):
        for measured in outputs.terms(model):
            yield from (replace(each, within=None) for each in _looked_at(measured, profile))


def _looked_at(part: nodes.Condition | Term, profile: Profile) -> Iterator[Selection]:
    if isinstance(part, Term):
        yield from _selections(part, profile)
    else:
        for leaf in nodes.leaves(part):
            yield from _by_leaf(leaf, profile)


def _by_leaf(leaf: nodes.Leaf, profile: Profile) -> Iterator[Selection]:
    match leaf:
        case nodes.Compare(left, _, right):
            yield from _selections(left, profile)
            yield from _selections(right, profile)
        case nodes.Member(term) | nodes.Holds(term):
            yield from _selections(term, profile)


def _selections(term: Term | nodes.Literal, profile: Profile) -> Iterator[Selection]:
    """The events of which none may be missing for the term to be exact."""
    match term:
        case nodes.Count(events) | nodes.Sum(events) | nodes.Average(events):
            if events.filters or events.within is not None:  # totals are kept of a whole lifetime
                yield events
        case nodes.Distinct(events) | nodes.Decayed(events):
            yield events
        case nodes.Share(event_type):
            yield Selection(event_type)
        case nodes.Since(events):
            if origin(term)(Scene(profile)) is None:  # what is held is newer than all that is not
                yield events
        case nodes.Sequence(steps):
            yield from steps


def _held_since(selection: Selection, profile: Profile, zone: tzinfo) -> int | None:
    log = profile.types.get(selection.type)
    if log is None or not log.dropped:
        return None
    forgotten_ms = log.dropped[-1].ts_ms
    return None if forgotten_ms < _begin_ms(selection, profile.latest_ms, zone) else forgotten_ms + 1


def _begin_ms(selection: Selection, at_ms: int, zone: tzinfo) -> int:
    """The first millisecond of a selection's window at a moment; it only moves on from there."""
    match selection.within:
        case None:
            return 0
        case int(within_ms):
            return at_ms - within_ms + 1
        case window:
            begin_ms, _ = period(window, at_ms, zone)
            return begin_ms
