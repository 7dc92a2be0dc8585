"""What an event concerns: which strands it is in, which leaves look at those, which rules have such a leaf.

Worked out once for a catalog. Everything that decides what need not be evaluated lives here and in `memo.py`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.segmentation.intervals import START
from services.segmentation.profile import Entry, Profile
from services.segmentation.ready import Ready
from services.segmentation.rules.leaves import Leaf
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.values import kind_of


class Index:
    def __init__(self, ready: Mapping[str, Ready]) -> None:
        """Each segment by its id, after those that it is composed of."""
        self._ready = ready
        self.rules = [(each.segment.ordinal, each.segment.id, each.moments) for each in ready.values()]
        """As many numbers as there are rules: in this order each comes after those that it is composed of."""
        self.numbers = {segment_id: number for number, segment_id in enumerate(ready)}
        self.rules_with: dict[Leaf, list[int]] = defaultdict(list)
        """The numbers of the rules that have a leaf."""
        self.leaves = [each.leaves for each in ready.values()]
        """Of each rule, what it reads of a profile."""
        self.required = [tuple(each.required) for each in ready.values()]
        """Of each rule, the leaves without which it never holds."""
        self.users: dict[str, list[int]] = defaultdict(list)
        """Of a segment, the numbers of the rules that are composed of it."""
        for number, rule in enumerate(ready.values()):
            for leaf in rule.leaves:
                self.rules_with[leaf].append(number)
            for part in rule.parts:
                self.users[part].append(number)
        leaves = list(self.rules_with)
        self.by_calendar = {number for leaf in leaves if leaf.looks_at.calendar for number in self.rules_with[leaf]}
        """The numbers of the rules that depend on where days begin."""
        self.by_models = {number for leaf in leaves if leaf.looks_at.models for number in self.rules_with[leaf]}
        """The numbers of the rules that depend on what models say."""
        nobody = Scene(Profile(None, START))
        self.of_nobody = {leaf: leaf.evaluate(nobody) for leaf in leaves if not leaf.looks_at.models}
        """What each leaf says of who has done nothing yet, but for those that depend on models."""
        self.segments_of_nobody = {used: ready[used].moments(nobody) for used in self.users}
        """And each of the segments that others are composed of."""
        moments = ((each.segment.ordinal, each.moments(nobody)) for each in ready.values())
        self.true_of_nobody = {ordinal: residual for ordinal, residual in moments if residual}
        """When the rules hold, by ordinal, that do."""
        self.readers = {strand: Readers(strand, each) for strand, each in _by(leaves, "strands").items()}
        by_type: dict[str, list[Strand]] = defaultdict(list)
        for strand in self.readers:
            by_type[strand.type].append(strand)
        self.types = {event_type: Strands(strands) for event_type, strands in by_type.items()}
        self.traits, self.paths, self.lists = (_by(leaves, each) for each in ("traits", "paths", "lists"))
        self.of_models = [leaf for leaf in leaves if leaf.looks_at.models]
        """Those that depend on what models say."""
        self.told_traits, self.told_paths = (_by(self.of_models, each) for each in ("traits", "paths"))
        """Those to which it also matters when a value was told."""
        self.first_event = [leaf for leaf in leaves if leaf.looks_at.first_event]

    def is_of(self, ready: Mapping[str, Ready]) -> bool:
        """Whether it would be the same of these: nothing was edited, at most models say something else."""
        if list(ready) != list(self._ready):
            return False
        return all(
            each is before or each.asks_as(before)
            for each, before in zip(ready.values(), self._ready.values(), strict=True)
        )

    def rules_of(self, leaves: Iterable[Leaf]) -> set[int]:
        """The numbers of the rules that have one of some leaves."""
        return set().union(*map(self.rules_with.__getitem__, leaves))

    def leaves_of(self, rules: Iterable[int]) -> set[Leaf]:
        """What the rules with some numbers read of a profile."""
        return set().union(*map(self.leaves.__getitem__, rules))


class Readers:
    """The leaves that look at one strand."""

    def __init__(self, strand: Strand, leaves: Iterable[Leaf]) -> None:
        self._own = sorted((leaf for leaf in leaves if leaf.looks_at.needs in (strand, None)), key=_fewest)
        self._fewest = [_fewest(leaf) for leaf in self._own]
        self.others: dict[Strand, list[Leaf]] = defaultdict(list)
        """Those that need an event of another strand to say anything, by that."""
        for leaf in leaves:
            if leaf.looks_at.needs not in (strand, None):
                self.others[leaf.looks_at.needs].append(leaf)
        self.types = {needs.type for needs in self.others}
        """Of the strands that the others need."""

    def of(self, events: int) -> Sequence[Leaf]:
        """Those that need no other strand, and no more events of this one than so many."""
        return self._own[: bisect_right(self._fewest, events)]


class Strands:
    """The strands of one event type, found by what they select."""

    def __init__(self, strands: Iterable[Strand]) -> None:
        self._by_value: dict[str, dict[Any, list[Strand]]] = {}
        self.whole = None
        """That of all events."""
        for strand in strands:
            if strand.filters:
                self._enter(strand)
            else:
                self.whole = strand

    def sorted(self, entries: Sequence[Entry]) -> dict[Strand, list[Entry]]:
        """Some entries by the strands that they are in, each in their order."""
        found: dict[Strand, list[Entry]] = {}
        if self.whole is not None and entries:
            found[self.whole] = [*entries]
        for entry in entries:
            for strand in self._of(entry):
                if strand in found:
                    found[strand].append(entry)
                else:
                    found[strand] = [entry]
        return found

    def _of(self, entry: Entry) -> Sequence[Strand]:
        """Those with filters that an event is in, each once."""
        found: list[Strand] = []
        for field, value in entry[2]:
            by_value = self._by_value.get(field)
            if by_value is None:
                continue
            if isinstance(value, tuple):
                several = {strand: None for each in value for strand in by_value.get(_key(each), ())}
                found += [strand for strand in several if strand.has(entry)]
            elif those := by_value.get(value if isinstance(value, str) else _key(value)):
                found += [strand for strand in those if len(strand.filters) == 1 or strand.has(entry)]
        return found

    def _enter(self, strand: Strand) -> None:
        """By the values of its first filter."""
        by_value = self._by_value.setdefault(strand.filters[0].field, defaultdict(list))
        for key in {_key(literal.value) for literal in strand.filters[0].any_of}:
            by_value[key].append(strand)


def _key(value: object) -> Any:
    """Apart for what rules tell apart: 1 and True, which are equal to Python."""
    return value if isinstance(value, str) else (kind_of(value), value)


def _fewest(leaf: Leaf) -> int:
    return leaf.looks_at.fewest


def _by(leaves: Iterable[Leaf], sort: str) -> dict[Any, list[Leaf]]:
    """The leaves by each of what they look at of one sort."""
    found: dict[Any, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        for each in getattr(leaf.looks_at, sort):
            found[each].append(leaf)
    return dict(found)
