"""What would change a leaf before time does. Everything that decides it lives here.

Nothing is told of what models say: what makes a user another one to them is rarely one thing.

What is told of events has been tried: added to the profile, they do change the leaf. As data it is one of
`{"event", "where", "times"}`, with `different` (each with a new value of this property), `with` (properties that it
has to have) or `where_not`; `event` null is of any type; `{"sequence": [{"event", "where"}, …]}`;
`{"trait" | "context" | "request", "operator", "value"}`; `{"list", "listed"}`.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from services.segmentation.explanation import words
from services.segmentation.explanation.claims import OPPOSITE, Claim, Plain, Symbol, claimed, is_operator, types_of
from services.segmentation.explanation.numbers import of_number
from services.segmentation.explanation.proposals import Proposal, of_time
from services.segmentation.explanation.readings import asked
from services.segmentation.explanation.tree import Reading, Sooner
from services.segmentation.intervals import contains
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, TypeLog, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.values import compare


def sooner(leaf: Plain, reading: Reading, scene: Scene, at_ms: int, *, holds: bool) -> Sooner | None:
    """What would make a leaf that is true or not at `at_ms` the opposite of that; None where nothing could."""
    claim = reading.claim
    if isinstance(leaf, nodes.Listed):
        text = f"being {'taken off' if holds else 'put on'} the list {leaf.list_id}"
        return Sooner(text, {"list": leaf.list_id, "listed": not holds})
    if isinstance(claim.term, nodes.ValueTerm | nodes.Request):
        return _becoming(claim, holds=holds)
    tried = (each for each in _proposals(claim, scene, at_ms, holds=holds) if _changes(leaf, each, scene, holds=holds))
    return next((each.sooner for each in tried), None)


def _proposals(claim: Claim, scene: Scene, at_ms: int, *, holds: bool) -> Iterator[Proposal]:
    for term in (claim.term, claim.other):
        if isinstance(term, nodes.TimeTerm):
            yield from of_time(term, scene, at_ms)
    yield from of_number(claim, scene, at_ms, holds=holds)


def _changes(leaf: Plain, proposal: Proposal, scene: Scene, *, holds: bool) -> bool:
    if proposal.is_certain:
        return True
    if not proposal.events:
        return False
    profile = add_all(_only(scene.profile, leaf), proposal.events, KEEP_ALL)
    assert profile is not None
    moments = evaluator(leaf)(Scene(profile, scene.zone))
    assert isinstance(moments, tuple)
    return contains(moments, proposal.events[-1].ts_ms) != holds


def _only(profile: Profile, leaf: Plain) -> Profile:
    """The profile with nothing in it that the leaf does not look at: adding to it is much less work."""
    looked_at = types_of(claimed(leaf))
    types = {name: log if name in looked_at else TypeLog() for name, log in profile.types.items()}
    return replace(profile, types=types, traits={}, context={}, lists={})


def _becoming(claim: Claim, *, holds: bool) -> Sooner | None:
    """A value of a trait, of the context or of the request that the claim says something else about."""
    term, symbol = claim.term, OPPOSITE[claim.symbol] if holds else claim.symbol
    assert isinstance(term, nodes.ValueTerm | nodes.Request)
    if not _is_possible(claim, symbol, holds=holds):
        return None
    values = [literal.value for literal in claim.literals]
    wanted = {"operator": symbol, "value": words.plain(values if symbol in ("in", "not in") else values[0])}
    text = asked(claim, opposite=holds)
    match term:
        case nodes.Trait(name):
            return Sooner(f"the trait {words.said(name)} becoming {text}", {"trait": words.clean(name), **wanted})
        case nodes.Last(path):
            return Sooner(f"an event whose {words.said(path)} is {text}", {"context": words.clean(path), **wanted})
        case nodes.Request(path):
            return Sooner(f"a request whose {words.said(path)} is {text}", {"request": words.clean(path), **wanted})


def _is_possible(claim: Claim, symbol: Symbol, *, holds: bool) -> bool:
    """Whether any value at all makes a comparison with constants true: none equals or is ordered with None."""
    if symbol in ("==", "in"):
        return any(literal.kind != "none" for literal in claim.literals)
    if symbol in ("!=", "not in") or holds:
        return True  # whatever is missing is unequal to everything and ordered with nothing
    (literal,) = claim.literals
    assert is_operator(symbol)
    return any(compare(value, symbol, literal) for value in _around(literal))


def _around(literal: Literal) -> list[object]:
    """Values of the same type that are less than, equal to and greater than the literal, if there are such."""
    match literal.value:
        case bool():
            return [False, True]
        case str() as text:
            return ["", text, text + "."]
        case int() | float() as number:
            return [-math.inf, number, math.inf]
    return []
