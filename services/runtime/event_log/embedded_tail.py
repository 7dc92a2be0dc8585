"""The end of a log on Redis Streams. Of such a log nothing is read twice at a time, so one reader does for all."""

from collections.abc import Mapping, Sequence

from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader
from services.runtime.event_log.embedded_names import EmbeddedLog
from services.runtime.event_log.port import LogTrimmed, Record
from services.runtime.event_log.tail import Stretch
from services.runtime.redis_client import RedisClient


class EmbeddedTail:
    """The client is closed with it."""

    def __init__(self, redis: RedisClient, partitions: int, log: EmbeddedLog) -> None:
        self._offsets = EmbeddedOffsets(redis, partitions, log)
        self._reader = EmbeddedReader(redis, range(partitions), log, trims=False)

    async def ends(self) -> Mapping[int, int]:
        return await self._offsets.ends()

    async def read(self, stretches: Mapping[int, tuple[int, int]], max_records: int) -> Mapping[int, Stretch]:
        return {each: await self._read(each, *stretch, max_records) for each, stretch in stretches.items()}

    async def close(self) -> None:
        await self._offsets.close()

    async def _read(self, partition: int, begin: int, end: int, max_records: int) -> Stretch:
        await self._reader.seek(partition, begin)
        try:
            records = await self._reader.poll(max_records, 0)
        except LogTrimmed as told:
            return Stretch((), end if told.begin is None else min(told.begin, end))
        finally:
            await self._reader.shut(partition)
        return _up_to(end, records)


def _up_to(end: int, records: Sequence[Record]) -> Stretch:
    """Those that were asked for; there are none where the log has got shorter."""
    wanted = [record for record in records if record.offset < end]
    return Stretch(wanted, wanted[-1].offset + 1 if wanted else end)
