"""What may be said of a cluster in a few words, from what sets it apart: how strongly, and how firmly.

The law: what is said of a cluster sets it apart, and is true of its users, not only more true of them than of others.
"""

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from services.segmentation.models.snapshots import Trait
from services.segmentation.rules import nodes
from services.segmentation.training.telling.conditions import of_condition
from services.segmentation.training.telling.measures import Measure
from services.segmentation.training.telling.roles import BUYERS, is_of_a_shop, lacks_of, role_of
from services.segmentation.training.telling.sayings import Saying, Seen, Slot, of_term

GIVEN, KEPT = 0.5, 0.3
"""Effects from which on something is said, and below which it is no longer said: Cohen's medium and nearly small."""
STILL_TRUE = 0.7
"""Of what has to be fulfilled for something to be said: with less it is no longer said."""
STRONGEST = 3.0
"""What strength grows to: of great effects, the greater matters little."""
LITTLE = 0.5
"""Of what is usual."""
DONE = 0.15
"""Times, from which on a typical user has done it."""
_COUNTED = nodes.Count | nodes.Decayed
_Doing = nodes.Count | nodes.Sum | nodes.Distinct | nodes.Decayed


class Claim(NamedTuple):
    words: tuple[tuple[Slot, str], ...]
    strength: float
    firm: bool
    """Whether it may be said anew; one that is not may only go on being said."""


def claims(measures: Sequence[Measure], traits: Sequence[Trait]) -> tuple[Claim, ...]:
    """Of one cluster, the strongest first, those of earlier features first among equals."""
    of_feature = {trait.feature: trait for trait in traits}
    pairs = [(measure, of_feature[measure.name]) for measure in measures if measure.name in of_feature]
    types = [each for measure in measures for each in _types(measure.node)]
    shop = is_of_a_shop(types, [measure.name for measure in measures])
    said = [pair for measure, trait in pairs for pair in _sayings(measure, trait, shop)]
    found = [claim for saying, effect in (*said, *_inactive(pairs)) if (claim := _claim(saying, effect)) is not None]
    counted = [(each.node.events.type, trait) for each, trait in pairs if isinstance(each.node, _COUNTED)]
    done = {role_of(event_type, shop=shop).people for event_type, trait in counted if trait.mean >= DONE}
    return tuple(sorted(_without_false_lacks(found, done), key=lambda each: -each.strength))


def _without_false_lacks(found: Sequence[Claim], done: AbstractSet[str]) -> Iterator[Claim]:
    """Two types of events may make the same people: who does the one does not lack what the other is called by."""
    people = {word for claim in found for slot, word in claim.words if slot == "people"}
    lacks = {("lack", lack) for each in people | done for lack in lacks_of(each)}
    yield from (claim for claim in found if lacks.isdisjoint(claim.words))


def _sayings(measure: Measure, trait: Trait, shop: bool) -> Iterator[tuple[Saying, float]]:
    seen = Seen(measure.name, trait.effect > 0, trait.mean, trait.lift, shop)
    node = measure.node
    for saying in of_condition(node, seen) if isinstance(node, nodes.Condition) else of_term(node, seen):
        yield saying, trait.effect


def _inactive(pairs: Sequence[tuple[Measure, Trait]]) -> Iterator[tuple[Saying, float]]:
    """Where little is done of everything besides buying; filtered terms are asked only where there are no others."""
    done = [(each.node.events, trait) for each, trait in pairs if isinstance(each.node, _Doing)]
    done = [(events, trait) for events, trait in done if role_of(events.type, shop=True) != BUYERS]
    asked = [trait for events, trait in done if not events.filters] or [trait for _, trait in done]
    if asked and all(trait.effect < 0 for trait in asked):
        most = max(trait.lift for trait in asked)
        effect = math.fsum(trait.effect for trait in asked) / len(asked)
        yield Saying((("state", "hardly active"),), LITTLE / most if most else math.inf), effect


def _claim(saying: Saying, effect: float) -> Claim | None:
    if abs(effect) < KEPT or saying.fulfilled < STILL_TRUE:
        return None
    firm = abs(effect) >= GIVEN and saying.fulfilled >= 1
    return Claim(saying.words, STRONGEST * abs(effect) / (abs(effect) + 2) * saying.weight, firm)


def _types(node: nodes.Term | nodes.Condition) -> Iterator[str]:
    """The types of the events that a feature is about."""
    match node:
        case nodes.Share(event_type):
            yield event_type
        case nodes.Sequence(steps):
            yield from (each.type for each in steps)
        case nodes.Count() | nodes.Sum() | nodes.Average() | nodes.Distinct() | nodes.Decayed() | nodes.Since():
            yield node.events.type
        case condition if isinstance(condition, nodes.Condition):
            for leaf in nodes.leaves(condition):
                if (term := nodes.term_of(leaf)) is not None:
                    yield from _types(term)
