"""What was worked out of a user's profile for a catalog, to be used again when the profile grows. In memory only.

The law: it says of a profile exactly what looking at the profile anew would say. It goes on to the next profile by
comparing the two, so it does not matter how that was made; and it belongs to the newest one only (`tells_of`).
"""

from bisect import insort
from collections.abc import Collection, Iterable, Mapping
from datetime import tzinfo

from services.segmentation.growth import Growth
from services.segmentation.index import Index
from services.segmentation.intervals import NEVER, Intervals
from services.segmentation.profile import MAX_TYPES, Latest, Profile, TypeLog, digests
from services.segmentation.rules.leaves import Leaf
from services.segmentation.rules.residual import Residual
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import NOTHING, Column, Strand

NO_LOG = TypeLog()
FEW_IDS = 64
"""As many are looked up in the profile each time anew."""


class Memo(Scene):
    __slots__ = ("_index", "_is_away", "_known", "_sorted", "_unseen")

    def __init__(self, index: Index, profile: Profile, zone: tzinfo) -> None:
        super().__init__(profile, zone)
        self._index = index
        self._sorted: set[str] = set()
        """The types whose events are in columns: a strand of theirs that has none has no event."""
        self._unseen: Mapping[Leaf, Intervals] = {}
        """What leaves say that were not evaluated: known of who was followed from the beginning."""
        if profile.first_ms is None and not profile.lists:
            self._unseen, self.segments = index.of_nobody, dict(index.segments_of_nobody)
        self._known: set[int] | None = None
        self._is_away = False

    def tells_of(self, profile: Profile | None, index: Index, zone: tzinfo) -> bool:
        return not self._is_away and self.profile is profile and self._index is index and self.zone is zone

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
        found = self.columns.get(strand)
        if found is None:
            if strand.type in self._sorted:
                return NOTHING
            self._sort(strand.type)
            found = self.columns.get(strand, NOTHING)
        return found

    def moments(self, leaf: Leaf) -> Intervals:
        found = self.found.get(leaf)
        if found is None:
            found = self._unseen.get(leaf)
            if found is None:
                found = self.found[leaf] = leaf.evaluate(self)
        return found

    def follow(self, after: Profile) -> set[Leaf]:
        """Go on to the next profile; returns the leaves that say something else of it than of the one before."""
        touched: dict[Leaf, None] = {}
        known = self.found
        growths = self._growths(after)
        for growth in growths:
            self._touch_readers(growth, touched)
        self._touch_values(after, touched)
        before = [(leaf, known.get(leaf) or self.moments(leaf)) for leaf in touched]
        self.profile = after
        for growth in growths:
            growth.enter(self.columns)
        changed = set()
        for leaf, moments in before:
            found = leaf.evaluate(self)
            if found != moments:
                self.found[leaf] = found
                changed.add(leaf)
        return changed

    def concerned(self, changed: Collection[Leaf]) -> set[int]:
        """The numbers of the rules that say something else where some leaves do.

        Not those that never hold, for want of a leaf that says the same as before.
        """
        found, unseen, rules = self.found, self._unseen, set()
        for leaf in changed:
            for number, required in self._index.rules_with[leaf]:
                for other in required:
                    if found.get(other, unseen.get(other)) == NEVER and other not in changed:
                        break
                else:
                    rules.add(number)
        return rules

    def evaluate(self, rules: Iterable[int]) -> dict[int, Residual]:
        """When the rules with these numbers hold, and those that are composed of what has changed, by ordinal."""
        index, waiting = self._index, sorted(rules)
        found: dict[int, Residual] = {}
        for number in waiting:
            ordinal, segment_id, moments_of = index.rules[number]
            moments = found[ordinal] = moments_of(self)
            if segment_id in index.users and self.segments.get(segment_id) != moments:
                self.segments[segment_id] = moments
                for user in index.users[segment_id]:
                    if user not in waiting:
                        insort(waiting, user)
        return found

    def _growths(self, after: Profile) -> list[Growth]:
        before, found = self.profile.types, []
        for event_type, log in after.types.items():
            old = before.get(event_type)
            if log is not old and (strands := self._index.types.get(event_type)):
                if event_type not in self._sorted:
                    self._sort(event_type)
                found.append(Growth(strands, old or NO_LOG, log))
        if not before.keys() <= after.types.keys():
            gone = [each for each in before if each not in after.types and each in self._index.types]
            found += [Growth(self._index.types[each], before[each], NO_LOG) for each in gone]
        return found

    def _touch_readers(self, growth: Growth, touched: dict[Leaf, None]) -> None:
        for strand, come in growth.strands.items():
            readers = self._index.readers[strand]
            for leaf in readers.of(len(self.column(strand).moments) + come):
                touched[leaf] = None
            for needs in self._present(readers.others, readers.types):
                for leaf in readers.others[needs]:
                    settled = leaf.looks_at.settled
                    if (
                        settled is None
                        or not growth.only_adds
                        or self.found.get(leaf, self._unseen.get(leaf)) != settled
                    ):
                        touched[leaf] = None

    def _present(self, strands: dict[Strand, list[Leaf]], types: Iterable[str]) -> set[Strand]:
        """Those that have an event, of strands of some types."""
        for event_type in types:
            if event_type not in self._sorted:
                self._sort(event_type)
        return strands.keys() & self.columns.keys()

    def _touch_values(self, after: Profile, touched: dict[Leaf, None]) -> None:
        before, index = self.profile, self._index
        if before.first_ms != after.first_ms:
            touched.update(dict.fromkeys(index.first_event))
        for name, leaves in index.traits.items():
            if _differs(before.traits.get(name), after.traits.get(name)):
                touched.update(dict.fromkeys(leaves))
        for name, leaves in index.paths.items():
            if _differs(before.context.get(name), after.context.get(name)):
                touched.update(dict.fromkeys(leaves))
        if before.lists is not after.lists:
            for name, leaves in index.lists.items():
                if before.lists.get(name) != after.lists.get(name):
                    touched.update(dict.fromkeys(leaves))

    def _sort(self, event_type: str) -> None:
        """Put the events of a type into columns."""
        self._sorted.add(event_type)
        Growth(self._index.types[event_type], NO_LOG, self.profile.types.get(event_type, NO_LOG)).enter(self.columns)


def _differs(before: Latest | None, after: Latest | None) -> bool:
    """Whether rules can tell two values from each other: 1 from True, which are equal to Python."""
    if before is after:
        return False
    return before is None or after is None or before[2] != after[2] or type(before[2]) is not type(after[2])
