"""The reader's side: how long a consumer is relied on, and when its progress is told to Kafka."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from services.runtime.event_log.kafka.lazy_client import LazyClient
from services.runtime.event_log.kafka.member import GroupMember
from services.runtime.event_log.kafka.topics import KafkaLog
from services.runtime.event_log.port import LogUnavailable, Record

_COMMIT_EVERY_S = 5.0


class KafkaReader:
    """Joins the consumer group `group` at the first `poll`.

    After LogUnavailable it owns nothing, and joins again as soon as it can. `timeout_s` bounds reaching the brokers and
    closing. `silence_s` is how long opened partitions are polled without any answer before LogUnavailable: brokers may
    be gone, or the consumer stuck. `session_timeout_s` is how long the group waits for a member that has died.
    """

    def __init__(
        self,
        log: KafkaLog,
        group: str,
        *,
        timeout_s: float = 5.0,
        silence_s: float = 10.0,
        session_timeout_s: float = 10.0,
    ) -> None:
        self._silence_s = silence_s
        self._member = LazyClient(lambda: GroupMember(log, group, session_timeout_s), timeout_s)
        self._applied: dict[int, int] = {}
        self._commit: asyncio.Task[None] | None = None
        self._commit_at_s = 0.0

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        member = await self._member.get()
        try:
            records = await member.fetch(max_records, timeout_s)
        except KafkaError as error:
            self._member.drop(member)
            raise LogUnavailable(f"Kafka: {error!r}") from error
        if member.silent_s > self._silence_s:
            self._member.drop(member)
            raise LogUnavailable(f"Kafka has not answered for {member.silent_s:.0f} s")
        return records

    def assigned(self) -> frozenset[int]:
        member = self._member.current
        return member.assigned if member else frozenset()

    def unopened(self) -> frozenset[int]:
        member = self._member.current
        return member.assigned - member.opened if member else frozenset()

    async def seek(self, partition: int, offset: int) -> None:
        """As the port says. A partition that has been lost in the meantime stays closed."""
        if member := self._member.current:
            member.seek(partition, offset)

    async def shut(self, partition: int) -> None:
        if member := self._member.current:
            member.shut(partition)

    async def applied(self, partition: int, offset: int) -> None:
        """Remember it, and commit what is remembered every 5 s, behind the caller's back."""
        self._applied[partition] = offset
        member = self._member.current
        if member and time.monotonic() >= self._commit_at_s:
            self._commit_at_s = time.monotonic() + _COMMIT_EVERY_S
            offsets, self._applied = self._applied, {}
            self._commit = asyncio.create_task(_commit(member, offsets))

    async def close(self) -> None:
        if self._commit:
            self._commit.cancel()
        await self._member.close()


async def _commit(member: GroupMember, offsets: dict[int, int]) -> None:
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(_COMMIT_EVERY_S):
            await member.commit(offsets)
