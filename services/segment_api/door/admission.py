"""How many lookups may be under way at once. Everything that decides it lives here, and it does no I/O.

Lookups share one thread, so each takes as long as all that are under way with it need together. Past the number with
which that is the deadline, all of them are late and the work is for nothing. The number depends on the machine, on
what else it does and on the catalog, so it is found the way TCP finds how much a path carries (RFC 5681): one more
for each round of lookups that leaves no room, a part less when they become too slow.

Whether they are too slow shows at the door. A lookup waits for the event loop some times until it is answered, each
time about as long as for its first turn. A slow Redis does not show there, and need not: to let fewer lookups wait
for it would help nobody. One long wait tells nothing, as any pause of the thread makes some; only where most waits of
a while are long there is a queue that does not go away by itself. CoDel (RFC 8289, section 3.2) looks at the least of
them. Here that says too little: who arrives at the end of a turn waits for hardly any of it, however long turns are.
"""

from dataclasses import dataclass

TURNS = 5
"""Times that a lookup waits for the event loop where it is routed: at the door, for its task, with its reply, and until
its answer leaves. A plain one waits three times, and has all the more room."""
OURS = 0.4
"""The part of the deadline that most may wait for their turns, with which some wait twice as long. The rest is for
Redis and the unforeseen."""
WHILE = 1
"""Deadlines for which waits are watched. In one, all that were under way at its beginning have left."""
IDLE = 0.25
"""The part of a deadline for which, in a while that takes no room away, nobody is there. The lookups of a page come all
at once and wait for each other, or for a pause to be over, and are done long before those of the next one come."""
BEGIN = 16
"""So many may be under way at first: what a slow machine can do in a deadline of 8 ms."""
LEAST = 2
"""So many always may: while one waits for Redis, there is work for another. More would all be late where a lookup
takes 2 ms, and there every one of them."""
KEPT = 0.5
"""What is left of the number when lookups become too slow."""


class Admission:
    """`deadline_s` is what a lookup may take; never are more than `most` under way. Moments are of any one clock."""

    def __init__(self, deadline_s: float, most: int) -> None:
        self._deadline_s, self._most = deadline_s, most
        self._long_s = deadline_s * OURS / TURNS
        self._room = float(min(BEGIN, most))
        self.room = int(self._room)
        """How many may be under way now."""
        self._watch = _Watch(0.0, 0)
        self.under_way = 0
        self._busy_until_s = 0.0

    @property
    def is_full(self) -> bool:
        return self.under_way >= self.room

    def enter(self, arrived_s: float, now_s: float) -> bool:
        """Whether a lookup may begin now; call `leave` once for each that may. One that is too late already may not."""
        waited_s = now_s - arrived_s
        self.note(waited_s, now_s)
        return waited_s <= self._deadline_s and self.begin()

    def begin(self) -> bool:
        """The same for one whose wait was noted before, and that comes in time."""
        if self.under_way >= self.room:
            return False
        self.under_way += 1
        self._watch.most_under_way = max(self._watch.most_under_way, self.under_way)
        if self.under_way >= self.room:
            self._watch.was_full = True
        return True

    def leave(self, now_s: float) -> None:
        """The room grows as those leave who shared it while it was full: of those that arrive together, only the last
        one finds it so."""
        self.under_way -= 1
        self._busy_until_s = now_s
        if self._watch.was_full:
            self._set_room(min(self._room + 1 / self.room, self._most))

    def _set_room(self, room: float) -> None:
        self._room, self.room = room, int(room)

    def note(self, waited_s: float, now_s: float) -> None:
        """How long a lookup has waited for its first turn. Where lookups are few, something else keeps the thread busy,
        and no room is taken away; unless some come too late to be let in, for which few are under way in any room."""
        watch = self._watch
        if not self.under_way and now_s - waited_s - self._busy_until_s >= self._deadline_s * IDLE:
            watch.was_idle = True
        self._busy_until_s = now_s
        if now_s - watch.since_s >= self._deadline_s * WHILE:
            is_used = watch.most_under_way * 2 >= self.room or watch.too_late * 8 > watch.waits
            if watch.long_waits * 2 > watch.waits and is_used and not watch.was_idle:
                self._set_room(max(min(LEAST, self._most), self._room * KEPT))
            self._watch = watch = _Watch(now_s, self.under_way)
        watch.waits += 1
        watch.long_waits += waited_s > self._long_s
        watch.too_late += waited_s > self._deadline_s


@dataclass(slots=True)
class _Watch:
    """What was seen for a while."""

    since_s: float
    most_under_way: int
    waits: int = 0
    long_waits: int = 0
    too_late: int = 0
    was_full: bool = False
    was_idle: bool = False
