"""`tranche repair skip`: accept that records are gone, and go on with the first that the log still holds.

One write, so there is nothing to resume. Nothing that was applied is read again: a profile knows the newest events of a
type again, but not all that the log may hold. So where the log ends before the watermark, or the watermark cannot be
read, it goes on where the log ends.
"""

from services.runtime.errors import OperatorError
from services.runtime.event_log.port import LogOffsets
from services.segmentation.wire.watermark import NoWatermark, decode_watermark
from services.stream_worker.repair.fence import Fence, Hold


class RepairUnderWay(OperatorError):
    """A repair of the partition was begun and has to be brought to its end first."""


async def skip(fence: Fence, offsets: LogOffsets, partition: int) -> int:
    """Returns the new watermark. Raises RepairUnderWay, TakenMeanwhile, LogUnavailable and REDIS_ERRORS."""
    hold = await fence.read(partition)
    _refuse_half_repaired(hold)
    begin, end = (await offsets.begins())[partition], (await offsets.ends())[partition]
    watermark = next_offset(hold.stored, begin, end)
    await fence.set_watermark(hold, str(watermark))
    return watermark


def next_offset(stored: bytes | None, begin: int, end: int) -> int:
    """Where a partition with this watermark goes on, in a log that holds [begin, end)."""
    try:
        return min(max(decode_watermark(stored), begin), end)
    except NoWatermark:
        return end


def _refuse_half_repaired(hold: Hold) -> None:
    try:
        decode_watermark(hold.stored)
    except NoWatermark as error:
        if error.repair:
            raise RepairUnderWay(
                f"a {error.repair} of partition {hold.partition} is under way: "
                f"bring it to its end with `tranche repair {error.repair} {hold.partition}`"
            ) from None
