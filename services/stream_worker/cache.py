"""Decoded states of the users seen last, bounded by how many events they hold, since those are what takes memory:
half a kilobyte each, where they tell much. What else a state holds counts as so many events.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from services.segmentation.engine import UserState

_OWN_WEIGHT = 4  # what a user weighs without any event, in events


class _Held(NamedTuple):
    state: UserState
    weight: int


class StateCache:
    """States of users by partition and member. Safe to trust while the partition's watermark is where it was left."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._held: OrderedDict[tuple[int, str], _Held] = OrderedDict()
        self._events = 0

    @property
    def events(self) -> int:
        """The weight of all that is held."""
        return self._events

    def get(self, partition: int, member: str) -> UserState | None:
        held = self._held.get((partition, member))
        if held is None:
            return None
        self._held.move_to_end((partition, member))
        return held.state

    def put(self, partition: int, member: str, state: UserState) -> None:
        self._forget((partition, member))
        held = self._held[partition, member] = _Held(state, _weight(state))
        self._events += held.weight
        while self._events > self._max_events:
            self._forget(next(iter(self._held)))

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget the users of some partitions."""
        gone = frozenset(partitions)
        for key in [key for key in self._held if key[0] in gone]:
            self._forget(key)

    def _forget(self, key: tuple[int, str]) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._events -= held.weight


def _weight(state: UserState) -> int:
    logs = state.profile.types.values() if state.profile else ()
    memo = state.memo.weight if state.memo else 0
    return _OWN_WEIGHT + memo + sum(len(log.entries) + len(log.dropped) for log in logs)
