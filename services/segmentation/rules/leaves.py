"""A leaf of a rule made ready: when it holds for a scene, and what of a profile it looks at.

The answer is right from the profile's latest event on, and found in closed form: a number changes only when an event
leaves its window, a time grows evenly, a value stays. So it stays right, whatever else happens, until something is
added to the profile that the leaf looks at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import ceil
from weakref import WeakValueDictionary

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, complement, union
from services.segmentation.profile import Listing, Profile
from services.segmentation.rules import nodes
from services.segmentation.rules.decay import decayed_comparison, share_comparison
from services.segmentation.rules.nodes import Filter, Literal, Operator, TimeTerm
from services.segmentation.rules.said import output_comparison
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.sequences import latest_completion
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.thresholds import number_comparison
from services.segmentation.rules.times import Origin, duration_comparison, times_comparison
from services.segmentation.rules.values import MIRRORED, compare, exact

Evaluate = Callable[[Scene], Intervals]

_ALMOST = Fraction(10**9 - 1, 10**9)  # fractions that are almost equal to a threshold are equal to it


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Leaf:
    """Compared by identity: `Leaves` keeps one of each."""

    evaluate: Evaluate
    """When it holds; to be clipped at the profile's latest event, before which the answer means nothing."""
    looks_at: "LooksAt"


@dataclass(frozen=True, slots=True)
class LooksAt:
    """What of a profile can change the answer of a leaf."""

    strands: tuple[Strand, ...] = ()
    needs: Strand | None = None
    """The strand without any event of which the answer is that for nobody, whatever the others hold."""
    fewest: int = 1
    """With fewer events of that strand the answer is that for nobody."""
    settled: Intervals | None = None
    """The answer that newer events of the other strands only confirm."""
    traits: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Of the context."""
    lists: tuple[str, ...] = ()
    first_event: bool = False
    calendar: bool = False
    models: tuple[str, ...] = ()
    """That say something. They look at the moments of values too, so that one that is told again may change them."""


class Leaves:
    """Makes leaves ready, each once, however many rules have it, for as long as one of them is there."""

    def __init__(self) -> None:
        self.of_models: dict[str, LooksAt] = {}
        """What models look at: to be told before a rule that names one is made ready."""
        self._leaves: WeakValueDictionary[tuple[nodes.Leaf, str, LooksAt | None], Leaf] = WeakValueDictionary()
        self._strands: WeakValueDictionary[tuple[str, tuple[Filter, ...]], Strand] = WeakValueDictionary()

    def of(self, node: nodes.Leaf) -> Leaf:
        """Of a leaf that neither asks the request nor names a segment."""
        # a number is what was written, be it equal to another beyond 2 ** 53
        key = node, str(node), self._of_model(nodes.term_of(node))
        found = self._leaves.get(key)
        if found is None:
            found = self._leaves[key] = Leaf(*self._made(node))
        return found

    def strand(self, selection: nodes.Selection) -> Strand:
        """Whatever its window."""
        key = selection.type, selection.filters
        found = self._strands.get(key)
        if found is None:
            found = self._strands[key] = Strand(*key)
        return found

    def origin(self, term: nodes.TimeTerm) -> Origin:
        """How to find the moment that a time term counts from."""
        match term:
            case nodes.Since(events):
                strand = self.strand(events)
                return lambda scene: moments[-1] if (moments := scene.column(strand).moments) else None
            case nodes.Sequence(steps, within_ms):
                return latest_completion([self.strand(step) for step in steps], within_ms)
            case nodes.Tenure():
                return lambda scene: scene.profile.first_ms

    def _made(self, node: nodes.Leaf) -> tuple[Evaluate, LooksAt]:
        match node:
            case nodes.Listed(list_id):
                return lambda scene: _listed(scene.profile.lists.get(list_id)), LooksAt(lists=(list_id,))
            case nodes.Holds(nodes.Sequence() as sequence):
                completed = self.origin(sequence)
                return lambda scene: NEVER if completed(scene) is None else ALWAYS, self._looks_at(sequence)
            case nodes.Holds(nodes.Trait() | nodes.Last() as value):
                return lambda scene: ALWAYS if latest_value(value, scene.profile) is True else NEVER, self._looks_at(
                    value
                )
            case nodes.Member(term, any_of, negated):
                inside = _any([self._comparison(term, "==", literal) for literal in any_of])
                looks_at = self._looks_at(term, *(("==", literal) for literal in any_of))
                return (lambda scene: complement(inside(scene))) if negated else inside, looks_at
            case nodes.Compare(Literal() as literal, symbol, right) if not isinstance(right, Literal):
                return self._made(nodes.Compare(right, MIRRORED[symbol], literal))
            case nodes.Compare(left, symbol, Literal() as literal) if not isinstance(left, Literal):
                return self._comparison(left, symbol, literal), self._looks_at(left, (symbol, literal))
            case nodes.Compare(left, symbol, right) if isinstance(left, TimeTerm) and isinstance(right, TimeTerm):
                looks_at = _either(self._looks_at(left), self._looks_at(right))
                return times_comparison(self.origin(left), symbol, self.origin(right)), looks_at
        raise AssertionError(f"the parser lets no such leaf through: {node}")

    def _comparison(self, term: nodes.Term, symbol: Operator, literal: Literal) -> Evaluate:
        match term:
            case nodes.Since() | nodes.Tenure() | nodes.Sequence():
                assert isinstance(literal.value, int)
                return duration_comparison(self.origin(term), symbol, literal.value)
            case nodes.Trait() | nodes.Last():
                return lambda scene: ALWAYS if compare(latest_value(term, scene.profile), symbol, literal) else NEVER
            case nodes.Decayed(events, halflife_ms):
                return decayed_comparison(self.strand(events), halflife_ms, symbol, literal)
            case nodes.Share():
                return share_comparison(*self._shared(term), term.halflife_ms, symbol, literal)
            case nodes.Count() | nodes.Sum() | nodes.Average() | nodes.Distinct():
                return number_comparison(term, self.strand(term.events), symbol, literal)
            case nodes.Cluster() | nodes.Score() | nodes.Rfm():
                return output_comparison(term, symbol, literal)
        raise AssertionError(f"a request is asked, not compared: {term}")

    def _looks_at(self, term: nodes.Term, *compared: tuple[Operator, Literal]) -> LooksAt:
        match term:
            case nodes.Tenure():
                return LooksAt(first_event=True)
            case nodes.Trait(name):
                return LooksAt(traits=(name,))
            case nodes.Last(path):
                return LooksAt(paths=(path,))
            case nodes.Sequence(steps):
                strands = [self.strand(step) for step in steps]
                return LooksAt(tuple(dict.fromkeys(strands)), strands[-1])
            case nodes.Share():
                part, whole = self._shared(term)
                ((symbol, _),) = compared
                return LooksAt((part, whole), part, settled=NEVER if symbol in (">", ">=") else ALWAYS)
            case nodes.Since(events):
                return LooksAt((strand := self.strand(events),), strand)
            case nodes.Count() | nodes.Sum() | nodes.Average() | nodes.Distinct() | nodes.Decayed():
                strand, by_calendar = self.strand(term.events), isinstance(term.events.within, str)
                return LooksAt((strand,), strand, _fewest(term, compared), calendar=by_calendar)
        looks_at = self._of_model(term)
        assert looks_at is not None, f"a request is asked, not looked at: {term}"
        return looks_at

    def _of_model(self, term: nodes.Term | None) -> LooksAt | None:
        if not isinstance(term, nodes.ModelTerm):
            return None
        return replace(self.of_models.get(term.model, LooksAt()), models=(term.model,))

    def _shared(self, term: nodes.Share) -> tuple[Strand, Strand]:
        """The part, and the whole that it is of."""
        return self.strand(nodes.Selection(term.type, (term.part,))), self.strand(nodes.Selection(term.type))


def _either(first: LooksAt, second: LooksAt) -> LooksAt:
    strands = tuple(dict.fromkeys(first.strands + second.strands))
    return LooksAt(strands, first_event=first.first_event or second.first_event)


def _fewest(term: nodes.StepTerm | nodes.Decayed, compared: Sequence[tuple[Operator, Literal]]) -> int:
    """To a sum an event adds any amount, to others one at most. What fell off the log counts too, for a lifetime."""
    if isinstance(term, nodes.Sum | nodes.Average) or (isinstance(term, nodes.Count) and term.events.within is None):
        return 1
    return max(1, min((ceil(exact(literal) * _ALMOST) for _, literal in compared), default=1))


def _any(parts: Sequence[Evaluate]) -> Evaluate:
    return lambda scene: reduce(union, (part(scene) for part in parts), NEVER)


def _listed(listing: Listing | None) -> Intervals:
    if listing is None or not listing.listed:
        return NEVER
    return ALWAYS if listing.until_ms is None else (START, listing.until_ms)


def origin(term: nodes.TimeTerm) -> Origin:
    """How to find the moment that a time term counts from, by itself."""
    return Leaves().origin(term)


def latest_value(term: nodes.ValueTerm, profile: Profile) -> object:
    """The latest value of a trait or of the context; None where there is none."""
    latest = profile.traits.get(term.name) if isinstance(term, nodes.Trait) else profile.context.get(term.path)
    return None if latest is None else latest.value
