"""The number of partitions is part of where users are stored: it is recorded once, and a different one is refused."""

from redis.exceptions import NoPermissionError

from services.runtime.errors import OperatorError
from services.runtime.redis_client import RedisClient


class NothingRecorded(OperatorError):
    """This process may read the record and not write it, and nobody has written it yet."""


class PartitionCountDiffers(OperatorError):
    """This process is set to another number of partitions than the stored state was written with."""


async def agree_on_partitions(redis: RedisClient, key: str, partitions: int) -> None:
    """Record `partitions` under `key`, or check it against the record. Raises PartitionCountDiffers, REDIS_ERRORS."""
    recorded = int(await redis.get(key) or await _record(redis, key, partitions))
    if recorded != partitions:
        raise PartitionCountDiffers(
            f"the stored state has {recorded} partitions and TRANCHE_PARTITIONS is {partitions}: "
            f"set it to {recorded}, or start on an empty Redis and log"
        )


async def _record(redis: RedisClient, key: str, partitions: int) -> int:
    """What is recorded then, be it by another process that was quicker. Raises NothingRecorded."""
    try:
        await redis.set(key, partitions, nx=True)
    except NoPermissionError:
        raise NothingRecorded(
            "nothing is stored yet, and this process has no right to begin: start the API or a worker first"
        ) from None
    return int(await redis.get(key) or 0)
