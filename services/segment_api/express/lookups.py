"""How a lookup goes that is asked for plainly: noted as it arrives, let in and read with those that arrived with it in
the same turn of the event loop, and answered when its reply comes or its deadline passes.

It is the route's lookup without what that takes for any other request.
"""

import time
from collections.abc import Sequence

from services.runtime.clock import Clock
from services.runtime.express import Caller
from services.runtime.metrics import ApiMetrics
from services.runtime.redis_link import Link
from services.segment_api.door.admission import Admission
from services.segment_api.door.degraded import AskedLookup
from services.segment_api.express.asked import Asked
from services.segment_api.express.deadlines import Deadlines
from services.segment_api.express.gathering import Gathering
from services.segment_api.express.pending import All, Pending
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.lookups.paths import ONE
from services.segment_api.lookups.written import Written
from services.segmentation.wire import keys

HELD = 0.5
"""The part of the deadline for which a lookup is held at the door until there is room. To turn it away takes a third of
the time of its answer, and brings the next request of the same connection at once."""


class LookupExpress:
    route = ONE

    def __init__(self, lookup: Lookup, admission: Admission, metrics: ApiMetrics, now_ms: Clock, deadline_s: float):
        self._lookup, self._admission, self._metrics, self._now_ms = lookup, admission, metrics, now_ms
        self._reads = lookup.reads
        self._asked = Asked()
        self._arrived: list[Pending] = []
        self._held = Deadlines[Pending](deadline_s * HELD, self._turn_away)
        self._under_way = Deadlines[Pending](deadline_s, self._end_late)
        self._gathering = Gathering(self._let_in, self._hear)
        self._links = set[Link]()

    def takes(self, line: bytes, caller: Caller) -> bool:
        asked = self._asked.read(line)
        if asked is None:
            return False
        now_s = time.monotonic()
        self._arrived.append(Pending(self, caller, *asked, now_s))
        self._gathering.arrived(now_s)
        return True

    def answer(self, pending: Pending, stored: bytes | None) -> None:
        writer = self._lookup.writer
        told = writer.write(pending.user_id, stored, writer.answering(pending.question))
        if told is None:
            self._read_all(pending)
        else:
            self._tell(pending, told)

    def answer_from_all(self, pending: Pending, stored: Sequence[bytes | None]) -> None:
        self._tell(pending, self._lookup.evaluate(pending.user_id, pending.question, stored))

    def hand_over(self, pending: Pending) -> None:
        self._leave(pending)
        pending.caller.hand_over(pending.arrived_s)

    def give_up(self, pending: Pending) -> None:
        self._end(pending, Written("degraded", self._degraded(pending)))

    def _tell(self, pending: Pending, told: Written) -> None:
        if told.outcome == "refused":
            self.hand_over(pending)
        else:
            self._end(pending, told)

    def _hear(self) -> None:
        for link in self._links:
            link.hear()

    def _let_in(self) -> None:
        arrived, self._arrived = self._arrived, []
        now_s, asked = time.monotonic(), set[Link]()
        for pending in arrived:
            self._admission.note(now_s - pending.arrived_s, now_s)
        held = self._held.queue
        held.extend(arrived)
        self._held.watch()
        while held and self._admission.begin():
            self._ask(held.popleft(), now_s, asked)
        for link in asked:
            link.flush()
        self._links |= asked
        self._under_way.watch()

    def _ask(self, pending: Pending, now_s: float, asked: set[Link]) -> None:
        name = self._lookup.name(pending.user_id, pending.question)
        way = self._reads.way_to(name)
        if way is None:
            self.hand_over(pending)
            return
        pending.server = way.server
        if not way.server.may_be_asked(now_s):
            self.give_up(pending)
            return
        way.server.begin(now_s)
        way.link.ask(name, pending)
        asked.add(way.link)
        self._under_way.queue.append(pending)

    def _read_all(self, pending: Pending) -> None:
        """What is stored of a user, where the membership does not tell: it is too old, or does not reach so far."""
        names = self._lookup.names(pending.user_id, pending.question, keys.membership, keys.profile)
        way = self._reads.way_to(names[0].encode())
        if way is None:
            self.hand_over(pending)
            return
        now_s, reader, pending.server = time.monotonic(), All(self, pending), way.server
        if not way.server.may_be_asked(now_s):
            self.give_up(pending)
            return
        way.server.begin(now_s)
        way.link.ask_together([name.encode() for name in names], reader)
        way.link.flush()

    def _end(self, pending: Pending, told: Written) -> None:
        self._leave(pending)
        self._metrics.lookups[told.outcome] += 1
        self._metrics.lookup_seconds.observe(self._send(pending, told.body))

    def _leave(self, pending: Pending) -> None:
        pending.is_over = True
        self._admission.leave(time.monotonic())
        if self._held.queue:
            self._gathering.take_turn()

    def _end_late(self, pending: Pending) -> None:
        pending.server.in_vain += 1
        self.give_up(pending)

    def _turn_away(self, pending: Pending) -> None:
        pending.is_over = True
        self._metrics.shed_lookup()
        self._send(pending, self._degraded(pending))

    def _send(self, pending: Pending, body: bytes) -> float:
        took_s = time.monotonic() - pending.arrived_s
        pending.caller.answer(
            b"server-timing: total;dur=%.2f\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n%b"
            % (took_s * 1000, len(body), body)
        )
        return took_s

    def _degraded(self, pending: Pending) -> bytes:
        return AskedLookup(pending.user_id, pending.question.at_ms).degraded(self._now_ms())
