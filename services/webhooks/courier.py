"""The deliveries of one webhook: read the changes, send what is wanted of them, note how far that got, over and over.

The law: one delivery is on its way at a time, and the next begins where the last was accepted. Each webhook has its own
courier, reader and connections, so that none waits for another's receiver. Whenever anything but the receiver fails,
what this process believes of the positions is forgotten, and read again from Redis.
"""

import asyncio
import logging
from collections.abc import Callable, Set

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogReader, LogTrimmed, LogUnavailable
from services.runtime.metrics import WebhookMetrics
from services.runtime.redis_client import REDIS_ERRORS
from services.webhooks.parcel import Filter, Parcel, pack
from services.webhooks.policy import Answer, Standing, after
from services.webhooks.positions import Positions
from services.webhooks.sender import Sender

PASSING = (*REDIS_ERRORS, LogUnavailable, TimeoutError)
"""What ends by itself: the courier waits and tries again."""
POLL_S = 0.25
RETRY_S = 0.5
LONGEST_PAUSE_S = 0.5  # of a courier that waits for its receiver: then it shows its group that it lives

_log = logging.getLogger(__name__)


class Courier:
    """`steady_ms` is a clock that does not jump; `chance` tells numbers in [0, 1)."""

    def __init__(
        self,
        hook_id: str,
        wanted: Filter,
        max_batch: int,
        reader: LogReader,
        positions: Positions,
        sender: Sender,
        metrics: WebhookMetrics,
        steady_ms: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._hook_id, self._wanted, self._max_batch = hook_id, wanted, max_batch
        self._reader, self._stored, self._sender = reader, positions, sender
        self._metrics, self._steady_ms, self._chance = metrics, steady_ms, chance
        self._positions: dict[int, int] = {}
        """Of the partitions that are read."""
        self._standing = Standing()
        self.failing: str | None = None
        """What the last turn failed with, apart from the receiver; None when it went well."""
        self.parcel: Parcel | None = None
        """What has been sent and not been accepted."""

    @property
    def reads(self) -> Set[int]:
        """The partitions that are read now."""
        return self._positions.keys()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until `stopping` is set or the webhook is disabled; bounded by one delivery after that."""
        while not (stopping.is_set() or self._standing.disabled):
            try:
                await self._turn()
                self.failing = None
            except Exception as error:
                await self._recover(error)
                await asyncio.sleep(RETRY_S)

    async def _turn(self) -> None:
        if wait_ms := self._standing.wait_ms(self._steady_ms()):
            await self._reader.poll(1, min(wait_ms / 1000, LONGEST_PAUSE_S))  # of what is shut: to stay in the group
        elif self.parcel is None:
            await self._deliver_next()
        elif await self._may_still_send(self.parcel):
            await self._deliver(self.parcel)
        else:
            self.parcel = None

    async def _deliver_next(self) -> None:
        await self._open()
        try:
            found = await self._reader.poll(self._max_batch, POLL_S)
        except LogTrimmed as error:
            await self._go_on_behind(error)
            return
        if records := [each for each in found if each.partition in self._positions]:
            parcel = pack(self._hook_id, self._wanted, records, self._positions)
            self._metrics.unreadable.inc(parcel.unreadable)
            await (self._deliver(parcel) if parcel.changes else self._pass(parcel))

    async def _deliver(self, parcel: Parcel) -> None:
        self.parcel = parcel
        answer = await self._sender.send(parcel.message_id, parcel.body)
        before, self._standing = self._standing, after(self._standing, answer, self._steady_ms(), self._chance())
        self._metrics.observe(self._hook_id, parcel.changes, accepted=answer.accepted)
        self._tell(before, answer)
        await (self._pass(parcel) if answer.accepted else self._shut())

    async def _pass(self, parcel: Parcel) -> None:
        """What the parcel holds is done with."""
        await self._stored.store(parcel.ends)
        self._positions |= {each: end for each, end in parcel.ends.items() if each in self._positions}
        self.parcel = None
        for partition, end in parcel.ends.items():
            await self._reader.applied(partition, end)  # for those who watch the lag of Kafka's groups

    async def _may_still_send(self, parcel: Parcel) -> bool:
        """Whether nobody else owns its partitions, or did meanwhile and delivered some of it."""
        owned = parcel.begins.keys() <= self._reader.assigned()
        return owned and await self._stored.stored(parcel.begins.keys()) == parcel.begins

    async def _open(self) -> None:
        """Read newly owned partitions from where the deliveries are; forget the lost ones."""
        owned = self._reader.assigned()
        kept = (owned & self._positions.keys()) - self._reader.unopened()
        found = await self._stored.load(owned - kept) if owned - kept else {}
        for partition, offset in found.items():
            await self._reader.seek(partition, offset)
        self._positions = {each: self._positions[each] for each in kept} | found

    async def _shut(self) -> None:
        positions, self._positions = self._positions, {}
        for partition in positions:
            await self._reader.shut(partition)

    async def _go_on_behind(self, gap: LogTrimmed) -> None:
        """The stream no longer holds what is next, or is another one: go on where it begins."""
        if gap.begin is None:
            raise LogUnavailable("the changes stream does not tell where it begins") from gap
        lost = max(0, gap.begin - gap.position)
        _log.error("webhook %s: going on without %d changes: %s", self._hook_id, lost, gap)
        self._metrics.lose(self._hook_id, lost)
        await self._shut()
        await self._stored.store({gap.partition: gap.begin})

    async def _recover(self, error: Exception) -> None:
        name = type(error).__name__  # the text of what nobody foresaw may tell of users
        if name != self.failing:
            level = logging.WARNING if isinstance(error, PASSING) else logging.ERROR
            _log.log(level, "webhook %s: a turn failed, trying again: %s", self._hook_id, name)
        self.failing = name
        await self._shut()

    def _tell(self, before: Standing, answer: Answer) -> None:
        standing, hook_id = self._standing, self._hook_id
        if standing.disabled:
            _log.critical("webhook %s is disabled until the next start: %s", hook_id, standing.disabled)
            self._metrics.disable(hook_id)
        elif not answer.accepted and not before.failures:
            _log.warning("webhook %s: not accepted, trying again: the answer is %s", hook_id, answer.told)
        elif answer.accepted and before.failures:
            _log.warning("webhook %s: accepted again, after %d failures", hook_id, before.failures)
