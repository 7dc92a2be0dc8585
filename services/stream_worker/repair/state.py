"""Where each partition is, and what the log holds of it."""

from typing import NamedTuple

from services.runtime.event_log.port import LogOffsets
from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import NoWatermark, decode_watermark
from services.stream_worker.trouble import missing, trouble, unfit


class PartitionState(NamedTuple):
    partition: int
    stored: bytes | None
    """The watermark as it is in Redis."""
    begin: int
    end: int

    @property
    def watermark(self) -> int | None:
        """None where it is no number."""
        try:
            return decode_watermark(self.stored)
        except NoWatermark:
            return None

    @property
    def repair(self) -> str | None:
        """The repair that is under way."""
        try:
            decode_watermark(self.stored)
        except NoWatermark as error:
            return error.repair
        return None

    @property
    def why(self) -> str | None:
        """What keeps workers from going on; None where nothing does."""
        try:
            return trouble(decode_watermark(self.stored), self.begin, self.end)
        except NoWatermark as error:
            return unfit(error)

    @property
    def missing(self) -> int:
        """Records that are gone and were never applied, at most."""
        return 0 if self.watermark is None else missing(self.watermark, self.begin)


async def states_of(redis: RedisClient, offsets: LogOffsets, partitions: int) -> list[PartitionState]:
    """Of all partitions. Raises LogUnavailable and REDIS_ERRORS."""
    # In this order, so that workers and retention that move on meanwhile make nothing look wrong.
    begins = await offsets.begins()
    stored = await get_many(redis, [keys.watermark(partition) for partition in range(partitions)])
    ends = await offsets.ends()
    return [
        PartitionState(partition, watermark, begins[partition], ends[partition])
        for partition, watermark in enumerate(stored)
    ]
