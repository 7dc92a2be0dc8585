"""The number of partitions is part of where users are stored: it is recorded once, and a different one is refused."""

from services.runtime.errors import OperatorError
from services.runtime.redis_client import RedisClient


class PartitionCountDiffers(OperatorError):
    """This process is set to another number of partitions than the stored state was written with."""


async def agree_on_partitions(redis: RedisClient, key: str, partitions: int) -> None:
    """Record `partitions` under `key`, or check it against the record. Raises PartitionCountDiffers, REDIS_ERRORS."""
    await redis.set(key, partitions, nx=True)
    recorded = int(await redis.get(key) or 0)
    if recorded != partitions:
        raise PartitionCountDiffers(
            f"the stored state has {recorded} partitions and TRANCHE_PARTITIONS is {partitions}: "
            f"set it to {recorded}, or start on an empty Redis and log"
        )
