"""Users drawn at random, and what they tell."""

from collections import Counter
from random import Random

import pytest

from services.runtime.redis_client import connect
from services.segment_api.preview.sample import Sampler, states
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Pace
from services.segment_api.settings import ApiSettings
from services.segmentation.wire import keys
from tests.segment_api.crowd import store_all
from tests.segment_api.exporting import shoppers


async def test_every_user_is_as_likely_as_any_other(clean_redis_url: str) -> None:
    """In partitions of any size: Redis keeps small ones as a list, and large ones as a hash table."""
    redis, sizes, draws = connect(clean_redis_url, timeout_s=5), [400, 30, 0, 3, 1], 400
    for number, size in enumerate(sizes):
        for index in range(size):
            await redis.zadd(keys.users(number), {f"default:{number}-{index}": index})
    sampler = Sampler(redis, len(sizes), Random(3))
    samples = [await sampler.draw(60) for _ in range(draws)]
    seen = Counter(user for sample in samples for user in sample.users)
    await redis.aclose()
    expected = draws * 60 / sum(sizes)
    assert sum(seen.values()) == draws * 60
    for number, size in enumerate(sizes):
        found = [count for (partition, _), count in seen.items() if partition == number]
        assert sum(found) == pytest.approx(size * expected, abs=5 * (size * expected) ** 0.5)
    assert all(abs(count - expected) < 6 * expected**0.5 for count in seen.values())
    assert len(seen) == sum(sizes)


async def test_the_order_is_random_so_that_a_part_is_a_fair_sample(clean_redis_url: str) -> None:
    redis, draws = connect(clean_redis_url, timeout_s=5), 300
    for number in range(4):
        await redis.zadd(keys.users(number), {f"default:{number}-{index}": index for index in range(50)})
    sampler = Sampler(redis, 4, Random(3))
    first = Counter(sample.users[0].partition for sample in [await sampler.draw(60) for _ in range(draws)])
    await redis.aclose()
    assert all(abs(first[number] - draws / 4) < 5 * (draws / 4) ** 0.5 for number in range(4))


async def test_users_who_are_gone_since_the_draw_are_left_out(settings: ApiSettings) -> None:
    await store_all(settings, shoppers(10))
    redis = connect(settings.redis_url, timeout_s=5)
    sample = await Sampler(redis, settings.partitions, Random(1)).draw(10)
    gone = sample.users[0]
    await redis.delete(keys.profile(*gone), keys.membership(*gone))
    reads = BoundedReads(redis, 4, lambda error: pytest.fail(str(error)))
    found = [state.user async for state in states(reads, sample.users, float("inf"), Pace())]
    assert found == list(sample.users[1:])
    await redis.aclose()
