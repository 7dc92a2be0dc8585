"""Trainers killed at random moments: in the end the snapshots are those of one that was not, number for number.

TRANCHE_TEST_SEED repeats a run's pauses; TRANCHE_TEST_LONG=1 kills ten times as often.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from services.local_stack.child_process import start_child, stop_child
from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.samples import Told
from tests.segmentation.training.crowds import DEFINITIONS, TERMS, told
from tests.support.ports import free_ports
from tests.support.seeds import random_of_this_run
from tests.trainer.scene import Scene, by_hand, message, trainer

TIMES = 10 if os.environ.get("TRANCHE_TEST_LONG") else 1
KILLS = 5 * TIMES
DBSTREAM = ClusterModel(kind="cluster", name="d", estimator="DBSTREAM", features=TERMS, warm_up=200, publish_every=300)
MODELS = {"groups": DEFINITIONS["cluster"], "soon": DEFINITIONS["propensity"], "dense": DBSTREAM}
KINDS = {"groups": "cluster", "soon": "propensity", "dense": "cluster"}


async def test_kills_change_no_number(tmp_path: Path, scene: Scene) -> None:
    random = random_of_this_run()
    lessons = {name: [*told(KINDS[name], 1_000 * TIMES, seed=random.randrange(2**32))] for name in MODELS}
    expected = {name: by_hand(MODELS[name], lesson, name) for name, lesson in lessons.items()}
    for name, definition in MODELS.items():
        await scene.define(definition, name)
    async with telling(scene, lessons):
        for _ in range(KILLS):
            await let_live_for_a_while(tmp_path, scene, random)
    async with trainer(scene):
        for name, snapshots in expected.items():
            await scene.until_live(len(snapshots), name)
    for name, snapshots in expected.items():
        stored = await scene.snapshots(name)
        assert stored == snapshots[-len(stored) :], name
        assert len(stored) >= min(20, len(snapshots)), name


@asynccontextmanager
async def telling(scene: Scene, lessons: dict[str, list[Told]]) -> AsyncIterator[None]:
    """All along, and to the end before this is left."""

    async def tell() -> None:
        for begin in range(0, max(map(len, lessons.values())), 20):
            for name, lesson in lessons.items():
                await scene.append(message(name, MODELS[name], each) for each in lesson[begin : begin + 20])
            await asyncio.sleep(0.1)

    task = asyncio.create_task(tell())
    yield
    await task


async def let_live_for_a_while(folder: Path, scene: Scene, random: Random) -> None:
    """A trainer process; one in three is asked to end and stores what it has, the others are killed."""
    [port] = free_ports(0)
    env = {"TRANCHE_REDIS_URL": scene.settings.redis_url, "TRANCHE_TRAINER_PORT": str(port)}
    process = start_child(
        [str(Path(sys.executable).with_name("tranche")), "trainer"], os.environ | env, folder / "trainer.log"
    )
    try:
        await asyncio.sleep(random.uniform(0.5, 3))
        assert process.poll() is None, (folder / "trainer.log").read_text()
        process.send_signal(random.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGKILL]))
        await asyncio.to_thread(process.wait, 15)
    finally:
        stop_child(process, 1)
