"""What is counted equals the memberships that are stored, at every moment, whatever happens to their owners.

TRANCHE_TEST_SEED repeats a run; TRANCHE_TEST_LONG=1 does ten times as much.
"""

import os
from collections.abc import Iterator
from random import Random

import pytest

from services.runtime.redis_client import RedisClient
from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership
from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS
from services.stream_worker import ledger
from tests.stream_worker.owner import Owner, count, stored_memberships
from tests.stream_worker.states import redis_at
from tests.support.seeds import random_of_this_run

TIMES = 10 if os.environ.get("TRANCHE_TEST_LONG") else 1
STEPS = 250 * TIMES
PARTITION = 0
BEGIN_MS = 1_732_190_400_000 + 17 * MINUTE_MS + 23_456
USERS = [(space, f"u-{number}") for number in range(25) for space in ("default", "shop")]
RULES = [
    "count('view', within='1h') >= 1",
    "count('view', within='2h') in [1, 3, 5, 7, 9, 11]",
    "count('buy') >= 1 and since('view') > '10m'",
    "since('view') > '3d'",
    "since('buy') > '40d' or count('view', within='90s') >= 2",
    "count('view', within='today') >= 2",
    "tenure() >= '36h' and count('buy', within='7d') == 0",
    "sum('buy', 'value', within='5d') >= 3",
]


class World:
    """One partition, its owner and its catalog, to which anything may happen."""

    def __init__(self, redis: RedisClient, random: Random) -> None:
        self.redis, self.random, self.now_ms = redis, random, BEGIN_MS
        self.catalog = Catalog()
        self.owner = Owner(redis, PARTITION)
        self._events = 0
        self._kept: dict[bytes, bytes] = {}

    async def open(self) -> None:
        self.edit()
        await self.owner.open(self.now_ms)

    async def happen(self) -> None:
        kinds = [
            (10, self.apply),
            (2, self.time_goes_on),
            (2, self.edit_and_begin_to_refresh),
            (1, self.finish_refreshing),
            (1, self.be_restarted),
            (1, self.be_a_zombie),
            (1, self.be_killed_in_the_middle_of_upkeep),
            (1, self.redis_keeps),
            (1, self.redis_loses),
        ]
        [happens] = self.random.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
        await happens()

    async def apply(self) -> None:
        self.owner.now_ms = self.now_ms
        await self.unless_refused(await self.owner.apply(self.events(), self.catalog))

    async def time_goes_on(self) -> None:
        longest_ms = self.random.choice([2_000, MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 5 * DAY_MS])
        self.now_ms += self.random.randrange(longest_ms)
        if self.random.random() < 0.7:
            await self.unless_refused(await self.owner.upkeep(self.now_ms))

    async def edit_and_begin_to_refresh(self) -> None:
        self.edit()
        self.owner.now_ms = self.now_ms
        await self.unless_refused(await self.owner.refresh(self.catalog))

    async def finish_refreshing(self) -> None:
        for _ in range(5):
            await self.unless_refused(await self.owner.refresh(self.catalog))

    async def be_restarted(self) -> None:
        self.owner = Owner(self.redis, PARTITION)
        await self.owner.open(self.now_ms)

    async def be_a_zombie(self) -> None:
        """Somebody else owns the partition for a while, and does nothing but the pass, which moves no watermark."""
        other = Owner(self.redis, PARTITION)
        await other.open(self.now_ms)
        self.edit()
        assert await other.refresh(self.catalog)
        await self.unless_refused(await self.owner.apply(self.events(), self.catalog))

    async def be_killed_in_the_middle_of_upkeep(self) -> None:
        self.now_ms += self.random.randrange(2 * DAY_MS)
        await self.owner.upkeep(self.now_ms, steps=self.random.randrange(60))
        await self.be_restarted()

    async def redis_keeps(self) -> None:
        """What a replica knows."""
        names = [name async for name in self.redis.scan_iter("*")]
        self._kept = {name: found for name in names if (found := await self.redis.dump(name))}

    async def redis_loses(self) -> None:
        """The replica becomes the primary. Nobody tells the owner."""
        if self._kept:
            await self.redis.flushall()
            for name, value in self._kept.items():
                await self.redis.restore(name, 0, value)

    def events(self) -> list[Event]:
        return [self.event() for _ in range(self.random.randrange(1, 12))]

    def event(self) -> Event:
        self._events += 1
        space, user = self.random.choice(USERS)
        ago_ms = self.random.randrange(self.random.choice([1, 1, 5_000, HOUR_MS, 4 * DAY_MS]))
        if self.random.random() < 0.1:
            ago_ms = -self.random.randrange(5 * MINUTE_MS)  # a website's clock may be ahead
        ts_ms = self.now_ms - ago_ms
        if self.random.random() < 0.3:
            ts_ms -= ts_ms % MINUTE_MS
        properties = {"value": self.random.randrange(3)}
        return Event(f"e-{self._events}", user, self.random.choice(["view", "view", "buy"]), ts_ms, space, properties)

    def edit(self) -> None:
        name, rule = f"s-{self.random.randrange(9)}", self.random.choice(RULES)
        if self.random.random() < 0.2:
            self.catalog = self.catalog.delete(name)
        self.catalog = self.catalog.put(name, SegmentDefinition(name=name, rule=rule), KEEP_ALL)

    async def unless_refused(self, written: bool) -> None:
        if not written:
            await self.owner.open(self.now_ms)

    async def check(self) -> None:
        memberships = await stored_memberships(self.redis, PARTITION)
        for at_ms in self.moments(memberships):
            assert await SegmentSizes(self.redis, 1).in_spaces(at_ms) == count(memberships, at_ms)

    def moments(self, memberships: list[tuple[str, Membership]]) -> Iterator[int]:
        """Now, some time later, and exactly where somebody comes or goes."""
        yield self.now_ms
        yield self.now_ms + self.random.randrange(self.random.choice([MINUTE_MS, HOUR_MS, DAY_MS, 50 * DAY_MS]))
        spans = [span for _, membership in memberships for span in membership.spans]
        boundaries = [at_ms for _, *both in spans for at_ms in both if at_ms is not None and at_ms > self.now_ms]
        for at_ms in self.random.sample(boundaries, min(2, len(boundaries))):
            yield from (at_ms - 1, at_ms)


async def test_sizes_are_those_of_the_memberships_whatever_happens(
    clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MIN_OVERGROWN", 8)  # so that a few users are worth netting,
    monkeypatch.setattr(ledger, "CROWDED", 30)  # and crowd a day
    random = random_of_this_run()
    async with redis_at(clean_redis_url) as redis:
        world = World(redis, random)
        await world.open()
        for _ in range(STEPS):
            await world.happen()
            if random.random() < 0.3:
                await world.check()
        await world.check()
