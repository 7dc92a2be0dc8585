"""Samples that wait for what their users do: a label is decided when the horizon is over, and no earlier.

A user who does it at once waits as long as one who never does. Else the samples of the last days would be those of the
quick alone, and a model would think that everybody is.

Stream time is the latest moment that was told of. When too many wait, the part of the users that is followed is halved,
and doubled again when few do. Labels stay as they are by that, and learning goes on at the pace that there is room for;
to drop the oldest would be to decide none of them for ever where a horizon is long.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.segmentation.models.samples import Outcome, Sample
from services.segmentation.training.port import State

CAPACITY = 100_000
_MIXER = 0x9E3779B97F4A7C15
"""The golden ratio in 64 bits (Knuth, The Art of Computer Programming 3, 6.4): the high bits of a product with it are
spread evenly whatever the numbers are."""
_MOST_HALVINGS = 32


@dataclass(slots=True)
class _Waiting:
    sample: Sample
    has_happened: bool = False


class Pending:
    def __init__(self, within_ms: int, grace_ms: int, capacity: int = CAPACITY) -> None:
        self._within_ms, self._grace_ms, self._capacity = within_ms, grace_ms, capacity
        self._now_ms = 0
        self._number = self._halvings = 0
        self.dropped = 0
        """Samples that were not followed, or told of when their horizon was over."""
        self._waiting: dict[int, _Waiting] = {}
        self._of_user: dict[int, list[int]] = {}
        self._by_age: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def sampled(self, sample: Sample) -> None:
        self._now_ms = max(self._now_ms, sample.at_ms)
        if self._halvings and len(self._waiting) < self._capacity // 4:
            self._halvings -= 1
        if not self._follows(sample.user) or sample.at_ms + self._within_ms <= self._now_ms:
            self.dropped += 1
            return
        self._wait(_Waiting(sample))
        if len(self._waiting) > self._capacity:
            self._halve()

    def happened(self, outcome: Outcome) -> None:
        self._now_ms = max(self._now_ms, outcome.at_ms)
        for number in self._of_user.get(outcome.user, ()):
            waiting = self._waiting[number]
            if 0 < outcome.at_ms - waiting.sample.at_ms <= self._within_ms:
                waiting.has_happened = True

    def decided(self) -> Iterator[Sample]:
        """Those whose time is over, the oldest first, with their label. They wait no more."""
        while self._by_age and self._by_age[0][0] + self._within_ms + self._grace_ms < self._now_ms:
            _, number = heapq.heappop(self._by_age)
            waiting = self._waiting[number]
            self._forget(number)
            yield replace(waiting.sample, label=waiting.has_happened)

    def state(self) -> State:
        return {
            "capacity": self._capacity,
            "now_ms": self._now_ms,
            "number": self._number,
            "halvings": self._halvings,
            "dropped": self.dropped,
            "waiting": [
                [number, each.sample.user, each.sample.at_ms, [*each.sample.features], each.has_happened]
                for number, each in self._waiting.items()
            ],
        }

    @classmethod
    def resume(cls, within_ms: int, grace_ms: int, state: State) -> "Pending":
        pending = cls(within_ms, grace_ms, state["capacity"])
        pending._now_ms, pending.dropped = state["now_ms"], state["dropped"]
        for number, user, at_ms, features, has_happened in state["waiting"]:
            pending._number = number
            pending._wait(_Waiting(Sample(user, at_ms, tuple(features)), has_happened))
        pending._number, pending._halvings = state["number"], state["halvings"]
        return pending

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting[self._number] = waiting
        self._of_user.setdefault(waiting.sample.user, []).append(self._number)
        heapq.heappush(self._by_age, (waiting.sample.at_ms, self._number))
        self._number += 1

    def _forget(self, number: int) -> None:
        user = self._waiting.pop(number).sample.user
        numbers = self._of_user[user]
        numbers.remove(number)
        if not numbers:
            del self._of_user[user]

    def _halve(self) -> None:
        """Follow half of the users; and where that frees nothing, let the oldest go."""
        self._halvings = min(self._halvings + 1, _MOST_HALVINGS)
        gone = [number for number, each in self._waiting.items() if not self._follows(each.sample.user)]
        for number in gone or [min(self._by_age)[1]]:
            self._forget(number)
            self.dropped += 1
        self._by_age = [(each.sample.at_ms, number) for number, each in self._waiting.items()]
        heapq.heapify(self._by_age)

    def _follows(self, user: int) -> bool:
        return spread(user) >> (64 - self._halvings) == 0


def spread(user: int) -> int:
    """64 bits that say nothing of a user, be users pseudonyms or just numbered."""
    return user * _MIXER % 2**64
