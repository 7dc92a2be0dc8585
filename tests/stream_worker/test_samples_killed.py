"""A worker that samples is killed with -9: nothing is lost but a few samples, and none is told of what never was."""

import math
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from services.local_stack.child_process import start_child, stop_child
from services.segmentation.membership import judge
from services.segmentation.models.samples import Outcome, Sample, pseudonym
from services.segmentation.wire import keys
from tests.behaviour.product import TRANCHE
from tests.stream_worker.models import definition, samples_in, with_models
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until
from tests.stream_worker.states import catalog_of, redis_at
from tests.support.ports import free_ports

CATALOG = with_models(catalog_of("count('view') >= 5"), likely=definition("propensity", event="view"))
EVENTS = 16
KEY = "a secret"


async def test_a_worker_that_is_killed_while_it_samples(clean_redis_url: str, tmp_path: Path) -> None:
    async with redis_at(clean_redis_url) as redis:
        scene = Scene(redis)
        await scene.put(CATALOG)
        for number in range(1, EVENTS):
            await scene.send(number, USERS)
        with worker(clean_redis_url, tmp_path) as process:
            await until(lambda: has_applied(scene, len(USERS) * EVENTS // 3))
            process.kill()
        assert not await scene.is_applied()
        with worker(clean_redis_url, tmp_path):
            await until(scene.is_applied)
            before = len(await samples_in(redis))
            await scene.send(EVENTS, USERS)  # the number is a power of two: each is sampled
            await until(scene.is_applied)
            await until(lambda: has_samples(scene, before + 2 * len(USERS)))
        told = defaultdict(list)
        for each in await samples_in(redis):
            told[each.told.user].append(each.told)
        states = await scene.states()
    for user in USERS:
        profile, membership = states[user].profile, states[user].membership
        assert profile is not None
        assert membership is not None
        assert len(profile.types["view"].entries) == EVENTS, user
        assert membership.spans == judge(profile, CATALOG, UTC).spans, user
        of_user = told[pseudonym("default", user, KEY.encode())]
        samples = [each for each in of_user if isinstance(each, Sample)]
        assert {each.features for each in samples} <= {(math.log1p(number), 0.0) for number in range(1, EVENTS + 1)}
        assert samples[-1].features == (math.log1p(EVENTS), 0.0)
        assert isinstance(of_user[-2], Outcome)


@contextmanager
def worker(redis_url: str, folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    (port,) = free_ports(0)
    settings = {
        "TRANCHE_REDIS_URL": redis_url,
        "TRANCHE_PARTITIONS": str(PARTITIONS),
        "TRANCHE_WORKER_PORT": str(port),
        "TRANCHE_MAX_RECORDS": "500",
        "TRANCHE_PSEUDONYM_KEY": KEY,
    }
    process = start_child([str(TRANCHE), "worker"], os.environ | settings, folder / "worker.log")
    try:
        yield process
    finally:
        stop_child(process, 20)


async def has_applied(scene: Scene, records: int) -> bool:
    marks = [await scene.redis.get(keys.watermark(partition)) for partition in range(PARTITIONS)]
    return sum(int(mark or 0) for mark in marks) >= records


async def has_samples(scene: Scene, number: int) -> bool:
    return len(await samples_in(scene.redis)) >= number
