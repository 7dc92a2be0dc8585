"""Decoded states of the users seen last, bounded by how many events they hold, since those are what takes memory."""

from collections import OrderedDict
from collections.abc import Iterable

from services.segmentation.engine import UserState

_OWN_WEIGHT = 4  # what a user weighs without any event, in events


class StateCache:
    """States of users by partition and member. Safe to trust while the partition's watermark is where it was left."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._states: OrderedDict[tuple[int, str], UserState] = OrderedDict()
        self._events = 0

    @property
    def events(self) -> int:
        """The weight of all that is held."""
        return self._events

    def get(self, partition: int, member: str) -> UserState | None:
        state = self._states.get((partition, member))
        if state is not None:
            self._states.move_to_end((partition, member))
        return state

    def put(self, partition: int, member: str, state: UserState) -> None:
        self._forget((partition, member))
        self._states[partition, member] = state
        self._events += _weight(state)
        while self._events > self._max_events:
            self._forget(next(iter(self._states)))

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget the users of some partitions."""
        gone = frozenset(partitions)
        for key in [key for key in self._states if key[0] in gone]:
            self._forget(key)

    def _forget(self, key: tuple[int, str]) -> None:
        state = self._states.pop(key, None)
        if state is not None:
            self._events -= _weight(state)


def _weight(state: UserState) -> int:
    logs = state.profile.types.values() if state.profile else ()
    return _OWN_WEIGHT + sum(len(log.entries) + len(log.dropped) for log in logs)
