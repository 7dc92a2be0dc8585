"""The number of partitions is recorded once and then insisted on."""

import asyncio

import pytest

from services.runtime.partition_count import PartitionCountDiffers, agree_on_partitions
from services.runtime.redis_client import connect

KEY = "tranche:partitions"


async def test_the_first_number_stays(url: str) -> None:
    redis = connect(url, timeout_s=2)
    await agree_on_partitions(redis, KEY, 64)
    await agree_on_partitions(redis, KEY, 64)
    with pytest.raises(PartitionCountDiffers, match="has 64 partitions and TRANCHE_PARTITIONS is 32: set it to 64"):
        await agree_on_partitions(redis, KEY, 32)
    await agree_on_partitions(redis, KEY, 64)
    await redis.aclose()


async def test_of_many_who_start_at_once_one_number_wins(clean_redis_url: str) -> None:
    redis = connect(clean_redis_url, timeout_s=2)
    tries = await asyncio.gather(
        *(agree_on_partitions(redis, KEY, number) for number in (8, 16) * 10), return_exceptions=True
    )
    assert sum(outcome is None for outcome in tries) == 10
    assert sum(isinstance(outcome, PartitionCountDiffers) for outcome in tries) == 10
    await redis.aclose()
