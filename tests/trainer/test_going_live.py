"""When what was learned goes live, and that nobody's edit is lost over it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from services.segmentation import model_edits
from services.segmentation.models.registry import Live
from services.segmentation.wire import keys
from tests.segmentation.training.crowds import DEFINITIONS, samples
from tests.trainer.scene import MODEL, Scene, trainer

CLUSTER, LOOKALIKE = DEFINITIONS["cluster"], DEFINITIONS["lookalike"]


async def test_the_first_is_live_at_once_and_later_ones_at_a_pace(scene: Scene) -> None:
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    async with trainer(scene, publish_seconds=2):
        await scene.tell(CLUSTER, everything[:250])
        await scene.until_live(1)
        first = await scene.model()
        await scene.tell(CLUSTER, everything[250:])
        await scene.define(LOOKALIKE, "other")
        await scene.tell(LOOKALIKE, everything[:250], "other")
        await scene.until_live(1, "other")
        await scene.until_stored(3)
        other = await scene.model("other")
        await asyncio.sleep(0.3)
        assert await scene.live() == 1
        await scene.until_live(3)
        last = await scene.model()
    assert first.live is not None
    assert other.live is not None
    assert last.live is not None
    assert other.live.since < first.live.since + 2_000, "what another model learns first waits for nobody"
    assert last.live.since >= other.live.since + 2_000


async def test_what_an_edited_definition_learns_first_is_live_at_once(scene: Scene) -> None:
    edited = CLUSTER.model_copy(update={"parameters": {"n_clusters": 2}})
    everything = [*samples(250)]
    await scene.define(CLUSTER)
    async with trainer(scene, publish_seconds=60):
        await scene.tell(CLUSTER, everything)
        await scene.until_live(1)
        await scene.define(edited)
        await scene.tell(edited, everything)
        await scene.until_live(2)
        await scene.tell(edited, samples(300, seed=2))
        await scene.until_stored(3)
        await asyncio.sleep(0.3)
        assert await scene.live() == 2


async def test_a_restart_does_not_hasten_it(scene: Scene) -> None:
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    async with trainer(scene):
        await scene.tell(CLUSTER, everything[:250])
        await scene.until_live(1)
    await scene.tell(CLUSTER, everything[250:])
    async with trainer(scene, publish_seconds=60):
        await scene.until_stored(3)
        await asyncio.sleep(0.3)
        assert await scene.live() == 1


async def test_a_clock_that_was_ahead_neither_holds_it_up_nor_hastens_it(scene: Scene) -> None:
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, everything[:450])
    async with trainer(scene):
        await scene.until_live(2)
    ahead = (await scene.catalog()).version + 3_600_000
    await scene.edit(lambda catalog: model_edits.pin(catalog, MODEL, 1).dated(ahead))
    await scene.edit(lambda catalog: model_edits.release(catalog, MODEL))
    async with trainer(scene, publish_seconds=1.5):
        await scene.until_live(2)
        await scene.tell(CLUSTER, everything[450:])
        await scene.until_stored(3)
        assert await scene.live() == 2
        await scene.until_live(3)


async def test_a_pinned_model_learns_on_and_says_the_same_until_it_is_released(scene: Scene) -> None:
    everything = [*samples(1_200)]
    await scene.define(CLUSTER)
    async with trainer(scene):
        await scene.tell(CLUSTER, everything[:700])
        await scene.until_live(3)
        await scene.edit(lambda catalog: model_edits.pin(catalog, MODEL, 2))
        await scene.tell(CLUSTER, everything[700:])
        await scene.until_stored(5)
        await asyncio.sleep(0.3)
        assert await scene.live() == 2
        await scene.edit(lambda catalog: model_edits.release(catalog, MODEL))
        await scene.until_live(5)


async def test_what_was_stored_but_not_live_when_a_trainer_died_is_live_after_the_next_start(scene: Scene) -> None:
    await scene.define(CLUSTER)
    before: Mapping[Any, Any] = await scene.redis.hgetall(keys.CATALOG)
    await scene.tell(CLUSTER, samples(700))
    async with trainer(scene):
        await scene.until_live(3)
    await scene.redis.hset(keys.CATALOG, mapping=before)
    assert await scene.live() == 0
    async with trainer(scene):
        await scene.until_live(3)


async def test_a_redis_that_lost_the_publication_gets_it_again(scene: Scene) -> None:
    await scene.define(CLUSTER)
    before: Mapping[Any, Any] = await scene.redis.hgetall(keys.CATALOG)
    await scene.tell(CLUSTER, samples(700))
    async with trainer(scene):
        await scene.until_live(3)
        await scene.redis.hset(keys.CATALOG, mapping=before)
        await scene.until_live(3)


async def test_no_edit_of_anybody_is_lost(scene: Scene) -> None:
    everything = [*samples(1_000)]
    definition = CLUSTER.model_copy(update={"publish_every": 50})
    await scene.define(definition)
    async with trainer(scene), asyncio.TaskGroup() as group:
        group.create_task(scene.tell(definition, everything))
        for number in range(20):
            await scene.define(CLUSTER, f"of-somebody-{number}")
            await asyncio.sleep(0.02)
        await scene.until_stored(17)
        await scene.until_live(17)
    catalog = await scene.catalog()
    assert len(catalog.registry.models) == 21
    live = catalog.registry.models[MODEL].live
    assert isinstance(live, Live)
    assert live.since in catalog.lineage
