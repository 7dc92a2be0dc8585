"""What was worked out of a user's profile for a catalog, to be used again when the profile grows. In memory only.

The law: it says of a profile exactly what looking at the profile anew would say. It goes on to the next profile by
comparing the two, so it does not matter how that was made; and it belongs to the newest one only (`tells_of`).
"""

from bisect import insort
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from services.segmentation.growth import Growth
from services.segmentation.index import Index, Readers
from services.segmentation.intervals import NEVER, Intervals
from services.segmentation.profile import MAX_TYPES, Latest, Profile, TypeLog, digests
from services.segmentation.rules.leaves import Leaf
from services.segmentation.rules.outputs import SILENT, Outputs
from services.segmentation.rules.residual import Residual
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import NOTHING, Column, Strand

NO_LOG = TypeLog()
FEW_IDS = 64
"""As many are looked up in the profile each time anew."""


class Memo(Scene):
    __slots__ = ("_index", "_is_away", "_known", "_unseen", "_unsorted")

    def __init__(self, index: Index, profile: Profile, zone: tzinfo, outputs: Outputs = SILENT) -> None:
        """The index is of a catalog, and `outputs` are its."""
        super().__init__(profile, zone, outputs=outputs)
        self._index = index
        self._unsorted = set(profile.types)
        """The types whose events are in no column yet; of all others a strand without a column has no event."""
        self._unseen: Mapping[Leaf, Intervals] = {}
        """What leaves say that were not evaluated: known of who was followed from the beginning."""
        if profile.first_ms is None and not profile.lists:
            self._unseen, self.segments = index.of_nobody, dict(index.segments_of_nobody)
        self._known: set[int] | None = None
        self._is_away = False

    def tells_of(self, profile: Profile | None, index: Index, zone: tzinfo) -> bool:
        is_here = not self._is_away and self.profile is profile
        return is_here and self._index is index and self.zone is zone

    def listen_to(self, outputs: Outputs) -> None:
        """Where models say something else than before, what rests on it has to be found anew."""
        if outputs is not self.outputs:
            self.outputs, self._said = outputs, {}
            for leaf in self._index.of_models:
                self.found.pop(leaf, None)

    @property
    def weight(self) -> int:
        """About what it takes, in events of a profile, of a kilobyte each."""
        return 1 + len(self.found) // 8 + len(self.columns) * 2 // 3

    def depart(self) -> set[int]:
        """Leave the profile. If anything fails before it arrives, it belongs to none.

        Returns the digests of the ids that the profile knows, to which those of the next one are to be added.
        """
        self._is_away = True
        return digests(self.profile) if self._known is None else self._known

    def arrive(self, known: set[int]) -> None:
        """At the same profile, or at the one that it has followed to; `known` are the digests of its ids."""
        self._is_away = False
        is_costly, is_whole = len(known) > FEW_IDS, len(self.profile.types) < MAX_TYPES
        self._known = known if is_costly and is_whole else None

    def column(self, strand: Strand) -> Column:
        if strand.type in self._unsorted:
            self._sort(strand.type)
        return self.columns.get(strand, NOTHING)

    def moments(self, leaf: Leaf) -> Intervals:
        found = self.found.get(leaf, self._unseen.get(leaf))
        if found is None:
            found = self.found[leaf] = leaf.evaluate(self)
        return found

    def follow(self, after: Profile, untold: Iterable[int]) -> dict[int, Residual]:
        """Go on to the next profile; returns, by ordinal, when those rules hold that may say something else of it.

        And those with the numbers `untold`, whatever they say.
        """
        index, before, self.profile = self._index, self.profile, after
        self._said = {}
        touched = self._touched(before, after)
        live = self._live(index.rules_of(touched), touched)
        changed = self._changed(touched, index.leaves_of(live))
        rules = self._live(live & index.rules_of(changed), changed)
        return self._evaluate(rules.union(untold))

    def _live(self, rules: Iterable[int], changed: Container[Leaf]) -> set[int]:
        """Those of some rules that do not want, as before, for a leaf without which they never hold."""
        found, unseen, required = self.found, self._unseen, self._index.required
        live = set()
        for number in rules:
            for leaf in required[number]:
                if found.get(leaf, unseen.get(leaf)) == NEVER and leaf not in changed:
                    break
            else:
                live.add(number)
        return live

    def _changed(self, touched: set[Leaf], asked: set[Leaf]) -> set[Leaf]:
        """Of the leaves that are asked those that say something else than was known; the others are left for later."""
        found, unseen = self.found, self._unseen
        changed = set()
        for leaf in touched & asked:
            moments = leaf.evaluate(self)
            if moments != found.get(leaf, unseen.get(leaf)):
                found[leaf] = moments
                changed.add(leaf)
        found.update(dict.fromkeys(touched - asked))
        return changed

    def _evaluate(self, rules: Iterable[int]) -> dict[int, Residual]:
        """When the rules with these numbers hold, and those that are composed of what has changed, by ordinal."""
        index, waiting = self._index, sorted(rules)
        known, found = set(waiting), dict[int, Residual]()
        for number in waiting:
            ordinal, segment_id, moments_of = index.rules[number]
            moments = found[ordinal] = moments_of(self)
            if segment_id in index.users and self.segments.get(segment_id) != moments:
                self.segments[segment_id] = moments
                for user in self._live(index.users[segment_id], ()):  # with a leaf that has changed it waits already
                    if user not in known:
                        known.add(user)
                        insort(waiting, user)
        return found

    def _touched(self, before: Profile, after: Profile) -> set[Leaf]:
        """The leaves that look at what is not the same."""
        growths = self._growths(before.types, after.types)
        touched = self._touched_by_values(before, after)
        for growth in growths:
            self._touch_readers(growth, touched)
        return touched

    def _growths(self, before: Mapping[str, TypeLog], after: Mapping[str, TypeLog]) -> list[Growth]:
        """Of all logs that have changed; those whose events are in columns are brought up to date there."""
        types, found = self._index.types, []
        for event_type, log in after.items():
            old = before.get(event_type, NO_LOG)
            if log is not old and event_type in types:
                found.append(self._growth(event_type, old, log))
        if not before.keys() <= after.keys():
            gone = types.keys() & (before.keys() - after.keys())
            found += [self._growth(event_type, before[event_type], NO_LOG) for event_type in gone]
        return found

    def _growth(self, event_type: str, before: TypeLog, after: TypeLog) -> Growth:
        growth = Growth(self._index.types[event_type], before, after)
        if event_type not in self._unsorted:
            growth.enter(self.columns)
        return growth

    def _touch_readers(self, growth: Growth, touched: set[Leaf]) -> None:
        for strand, lost in growth.strands.items():
            readers = self._index.readers[strand]
            touched.update(readers.of(len(self.column(strand).moments) + lost))
            if readers.others:
                touched.update(self._unsettled(readers, only_adds=growth.only_adds))

    def _unsettled(self, readers: Readers, *, only_adds: bool) -> Iterator[Leaf]:
        """Those that need an event of another strand which there is, unless what they say is only confirmed."""
        for event_type in self._unsorted.intersection(readers.types):
            self._sort(event_type)
        for needs in readers.others.keys() & self.columns.keys():
            for leaf in readers.others[needs]:
                settled = leaf.looks_at.settled
                if settled is None or not only_adds or self.found.get(leaf, self._unseen.get(leaf)) != settled:
                    yield leaf

    def _touched_by_values(self, before: Profile, after: Profile) -> set[Leaf]:
        index = self._index
        touched = set(index.first_event if before.first_ms != after.first_ms else ())
        _touch_latest(index.traits, before.traits, after.traits, touched)
        _touch_latest(index.paths, before.context, after.context, touched)
        _touch_told(index.told_traits, before.traits, after.traits, touched)
        _touch_told(index.told_paths, before.context, after.context, touched)
        if before.lists is not after.lists:
            for name, leaves in index.lists.items():
                if before.lists.get(name) is not after.lists.get(name):
                    touched.update(leaves)
        return touched

    def _sort(self, event_type: str) -> None:
        """Put the events of a type into columns."""
        self._unsorted.remove(event_type)
        if event_type in self.profile.types:
            found = self._index.types[event_type].sorted(self.profile.types[event_type].entries)
            self.columns.update((strand, Column(entries)) for strand, entries in found.items())


def _touch_latest(
    readers: Mapping[str, Sequence[Leaf]],
    before: Mapping[str, Latest],
    after: Mapping[str, Latest],
    touched: set[Leaf],
) -> None:
    if before is not after:
        for name, leaves in readers.items():
            old, new = before.get(name), after.get(name)
            if old is not new and _differs(old, new):
                touched.update(leaves)


def _touch_told(
    readers: Mapping[str, Sequence[Leaf]],
    before: Mapping[str, Latest],
    after: Mapping[str, Latest],
    touched: set[Leaf],
) -> None:
    for name, leaves in readers.items():
        if before.get(name) != after.get(name):
            touched.update(leaves)


def _differs(before: Latest | None, after: Latest | None) -> bool:
    """Whether rules can tell two values from each other: 1 from True, which are equal to Python."""
    return before is None or after is None or before[2] != after[2] or type(before[2]) is not type(after[2])
