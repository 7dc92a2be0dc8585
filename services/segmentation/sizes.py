"""How many users are in each segment: everything that decides how memberships are counted lives here.

A span adds one to its segment where it begins and takes one away where it ends. So the size at a moment is the sum of
all boundaries up to it, now as well as later, if nothing else happens. A counter is a segment of a space. What cannot
be told without the ad request is not counted, nor is consent looked at, nor what lies beyond a membership's spans.

A boundary within a stretch of time is a record, a number of 64 bits, the highest first: 27 bits of milliseconds since
the stretch began, less one; 36 of counter; and one that says whether a user goes. Records are only ever added: one
that is taken back is followed by its opposite, until somebody nets them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.segmentation.membership import Membership, Span
from services.segmentation.wheel import Stretch, Wheel

MAX_SPACES = 1 << 10
"""Spaces of a partition that are counted: the first ones. Anybody may invent more of them."""
ORDINALS = 1 << 26
"""The counters of a space; segments are never so many, not even those that are gone."""
_COUNTERS = MAX_SPACES * ORDINALS
_TIME_SHIFT = 37
_GOES = 1


def segment_of(counter: int) -> tuple[int, int]:
    """The number of the space, and the segment's ordinal."""
    return divmod(counter, ORDINALS)


@dataclass(slots=True)
class Part:
    """What changes within one stretch."""

    sizes: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    """By counter, what it comes to when the stretch is over."""
    records: list[int] = field(default_factory=list)
    taken_back: int = field(default=0, compare=False)
    """The number of those that are the opposite of an earlier one."""


class Tally:
    """Adds up what changes of memberships do to the sizes, sorted as a wheel keeps them."""

    def __init__(self, wheel: Wheel, now_ms: int) -> None:
        """`now_ms` is the moment up to which boundaries are over; whoever reads asks for no earlier one."""
        self.over: defaultdict[int, int] = defaultdict(int)
        """By counter, what changes of all that is over."""
        self.ahead: defaultdict[Stretch, Part] = defaultdict(Part)
        self._wheel, self._over_ms = wheel, max(now_ms, wheel.over_ms)

    def replace(self, space: int, before: Membership | None, after: Membership) -> None:
        """Take back what one membership has counted, and count another instead."""
        old = dict.fromkeys(before.spans if before is not None and before.counted else ())
        new = dict.fromkeys(after.spans)  # in order: that of a set is another one in each process
        self._count(space, [span for span in old if span not in new], -1)
        self._count(space, [span for span in new if span not in old], 1)

    def add(self, counter: int, at_ms: int, users: int, taken_back: int = 0) -> None:
        """One user more (1) or fewer (-1) from a moment on; `taken_back` (1) where that is the opposite of an earlier
        one."""
        if at_ms <= self._over_ms:
            self.over[counter] += users
            return
        stretch = self._wheel.holding(at_ms)
        part = self.ahead[stretch]
        part.sizes[counter] += users
        part.taken_back += taken_back
        part.records.append((at_ms - stretch.begin_ms - 1) << _TIME_SHIFT | counter << 1 | (users < 0))

    def add_records(self, stretch: Stretch, records: Iterable[int]) -> None:
        """Those of a stretch of another wheel."""
        for record in records:
            at_ms = stretch.begin_ms + 1 + (record >> _TIME_SHIFT)
            self.add((record >> 1) % _COUNTERS, at_ms, -1 if record & _GOES else 1)

    def _count(self, space: int, spans: Iterable[Span], users: int) -> None:
        over, over_ms, taken_back = self.over, self._over_ms, int(users < 0)
        for ordinal, since_ms, until_ms in spans:
            counter = space * ORDINALS + ordinal
            if since_ms <= over_ms:  # as nearly always; the rest of `add` costs more
                over[counter] += users
            else:
                self.add(counter, since_ms, users, taken_back)
            if until_ms is not None:
                self.add(counter, until_ms, -users, taken_back)


def net(records: Sequence[int]) -> list[int]:
    """The same without what was taken back."""
    numbers = Counter(records)
    return [record for record, number in numbers.items() for _ in range(number - numbers.get(record ^ _GOES, 0))]


def sizes_within(records: Iterable[int], over_ms: int) -> Counter[int]:
    """By counter, what those records of a stretch come to that happen in its first `over_ms`."""
    sizes: Counter[int] = Counter()
    for record in records:
        if record >> _TIME_SHIFT < over_ms:
            sizes[(record >> 1) % _COUNTERS] += -1 if record & _GOES else 1
    return sizes
