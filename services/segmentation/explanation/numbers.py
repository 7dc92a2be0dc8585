"""Which events would bring a number of a rule to where the comparison with it turns over: the fewest that might."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from services.segmentation.explanation import words
from services.segmentation.explanation.claims import Claim, truth
from services.segmentation.explanation.proposals import Proposal, data, event, several
from services.segmentation.explanation.tree import Sooner
from services.segmentation.profile import RETAINED, Profile, Total
from services.segmentation.rules import nodes
from services.segmentation.rules.decay import decayed_at
from services.segmentation.rules.nodes import Selection
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.thresholds import value_at
from services.segmentation.rules.values import exact

MOST_TOLD = 100_000
"""Events that a user might still come to; more of them is no advice to anybody."""


def of_number(claim: Claim, scene: Scene, at_ms: int, *, holds: bool) -> Iterator[Proposal]:
    """Proposals that might make a claim about a number, which is true or not at `at_ms`, the opposite of that."""
    match claim.term:
        case nodes.Count() as term:
            return _counts(claim, term, scene, at_ms, holds=holds)
        case nodes.Distinct() as term:
            return _kinds(claim, term, scene, at_ms, holds=holds)
        case nodes.Sum() as term:
            return _sums(claim, term, scene, at_ms, holds=holds)
        case nodes.Average() as term:
            return _averages(claim, term, scene, at_ms)
        case nodes.Decayed() as term:
            return _decays(claim, term, scene, at_ms)
        case nodes.Share() as term:
            return _shares(claim, term, scene, at_ms)
    return iter(())


def _counts(claim: Claim, term: nodes.Count, scene: Scene, at_ms: int, *, holds: bool) -> Iterator[Proposal]:
    value = _whole(term, scene, at_ms)
    lifetime = term.events.within is None and not term.events.filters
    for count in _missing(claim, value, MOST_TOLD if lifetime else RETAINED, holds=holds):
        if count <= RETAINED:
            yield several(count, term.events, at_ms, of_some=value > 0)
        else:
            text = words.more(count, words.events(term.events), of_some=value > 0)
            yield Proposal(Sooner(text, words.plain({**data(term.events), "times": count})), (), is_certain=True)


def _whole(term: nodes.Count | nodes.Distinct, scene: Scene, at_ms: int) -> int:
    value = value_at(term, scene, at_ms)
    assert isinstance(value, int)
    return value


def _missing(claim: Claim, value: int, most: int, *, holds: bool) -> list[int]:
    """How many more might be enough to come to a number that is no larger than `most`.

    That is the difference; or all of them, where new ones push old ones off the log.
    """
    says = truth(claim)
    near = {math.floor(exact(each)) + more for each in claim.literals for more in (0, 1)}
    goals = [goal for goal in sorted({value + 1, *near}) if value < goal <= most and says(goal) != holds]
    return sorted({goals[0] - value, goals[0]}) if goals else []


def _kinds(claim: Claim, term: nodes.Distinct, scene: Scene, at_ms: int, *, holds: bool) -> Iterator[Proposal]:
    value, field = _whole(term, scene, at_ms), term.field
    unseen = _unseen(term, scene.profile)
    for count in _missing(claim, value, RETAINED, holds=holds):
        noun = f"{words.events(term.events)} with a new {words.path(field)}{' each' if count > 1 else ''}"
        text = words.more(count, noun, of_some=value > 0)
        change = {**data(term.events), "times": count, "different": field}
        made = [event(term.events, at_ms, number, {field: each}) for number, each in enumerate(unseen[:count])]
        yield Proposal(Sooner(text, words.plain(change)), made)


def _unseen(term: nodes.Distinct, profile: Profile) -> list[Any]:
    """Values that the property can still get, new ones first; where a filter is on it too, they are its own."""
    own = [literal.value for each in term.events.filters if each.field == term.field for literal in each.any_of]
    if not own:
        return [f"something new {number}" for number in range(RETAINED)]
    log = profile.types.get(term.events.type)
    seen = [value for entry in (log.entries if log else ()) for name, value in entry.values if name == term.field]
    return sorted(own, key=lambda value: value in seen)


def _sums(claim: Claim, term: nodes.Sum, scene: Scene, at_ms: int, *, holds: bool) -> Iterator[Proposal]:
    value, says = value_at(term, scene, at_ms), truth(claim)
    assert isinstance(value, int)
    edges = [math.floor(exact(each) * 10**6) + nudge for each in claim.literals for nudge in (-1, 0, 1)]
    missing = sorted({edge - value for edge in [*edges, value + 1, value - 1]}, key=lambda each: (each < 0, abs(each)))
    for amount in missing:
        if amount and says(value + amount) != holds:
            sign = 1 if amount > 0 else -1
            onwards = says(value + amount + sign * 10**9) != holds
            number = words.plain(Fraction(amount, 10**6))
            farther = words.plain(math.nextafter(number, sign * math.inf))
            yield from (_amount(each, term, at_ms, sign if onwards else 0) for each in (number, farther))


def _averages(claim: Claim, term: nodes.Average, scene: Scene, at_ms: int) -> Iterator[Proposal]:
    total = value_at(term, scene, at_ms)
    assert isinstance(total, Total)
    (threshold,) = claim.literals
    cents = (exact(threshold) * (total.numbers + 1) - Fraction(total.millionths, 10**6)) * 100
    up, down = math.ceil(cents), math.floor(cents)
    for sign, each in ((1, up), (1, up + 1), (-1, down), (-1, down - 1)):
        yield _amount(words.plain(Fraction(each, 100)), term, at_ms, sign)


def _amount(amount: float, term: nodes.Sum | nodes.Average, at_ms: int, sign: int) -> Proposal:
    """One event with such an amount; with more where `sign` is positive, or less where it is negative."""
    onwards = {1: " or more", 0: "", -1: " or less"}[sign]
    name = words.path(term.field)
    noun = f"{words.events(term.events)} whose {name} is {words.said(amount)}{onwards}"
    return several(1, term.events, at_ms, of_some=False, change={"with": {term.field: amount}}, noun=noun)


def _decays(claim: Claim, term: nodes.Decayed, scene: Scene, at_ms: int) -> Iterator[Proposal]:
    value = decayed_at(Strand(term.events.type, term.events.filters), term.halflife_ms)(scene, at_ms)
    (threshold,) = claim.literals
    count = math.ceil(exact(threshold) - Fraction(value))
    return (several(each, term.events, at_ms, of_some=value > 0) for each in _few([count, count + 1]))


def _shares(claim: Claim, term: nodes.Share, scene: Scene, at_ms: int) -> Iterator[Proposal]:
    strands = Strand(term.type, ()), Strand(term.type, (term.part,))
    whole, part = (Fraction(decayed_at(strand, term.halflife_ms)(scene, at_ms)) for strand in strands)
    (literal,) = claim.literals
    wanted = exact(literal)
    if wanted < 1:
        count = math.ceil((wanted * whole - part) / (1 - wanted))
        matching = Selection(term.type, (term.part,))
        yield from (several(each, matching, at_ms, of_some=part > 0) for each in _few([count, count + 1]))
    if wanted > 0:
        count = math.ceil(part / wanted - whole)
        yield from (_others(each, term, at_ms, of_some=whole > part) for each in _few([count, count + 1]))


def _others(count: int, term: nodes.Share, at_ms: int, *, of_some: bool) -> Proposal:
    """Events of the type that do not count for the share."""
    field, values = term.part.field, [literal.value for literal in term.part.any_of]
    noun = f"{term.type} of any other {words.path(field)}"
    return several(
        count, Selection(term.type), at_ms, of_some=of_some, change={"where_not": {field: values}}, noun=noun
    )


def _few(counts: Iterable[int]) -> list[int]:
    return [count for count in counts if 1 <= count <= RETAINED] or [1]
