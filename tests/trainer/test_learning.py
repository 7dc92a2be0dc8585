"""Models learn from the log, and what they learn is stored and goes live."""

import subprocess
import sys

import pytest

from services.segmentation import model_edits
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Clusters
from services.segmentation.wire import keys
from tests.segmentation.training.crowds import DEFINITIONS, PLACES, TERMS, samples, told
from tests.trainer.scene import MODEL, Scene, by_hand, message, raw, trainer

CLUSTER = DEFINITIONS["cluster"]


@pytest.mark.parametrize("kind", DEFINITIONS)
async def test_a_model_of_each_kind_is_what_a_training_by_hand_makes(scene: Scene, kind: str) -> None:
    definition, everything = DEFINITIONS[kind], [*told(kind, 900)]
    expected = by_hand(definition, everything)
    await scene.define(definition)
    async with trainer(scene):
        for begin in range(0, len(everything), 83):
            await scene.tell(definition, everything[begin : begin + 83])
        await scene.until_live(len(expected))
    assert len(expected) >= 2
    assert await scene.snapshots() == expected
    assert all(each.definition == definition for each in await scene.trained())


async def test_what_comes_before_the_trainer_is_learned_too(scene: Scene) -> None:
    await scene.define(CLUSTER)
    everything = [*samples(700)]
    await scene.tell(CLUSTER, everything)
    async with trainer(scene):
        await scene.until_live(3)
    assert await scene.snapshots() == by_hand(CLUSTER, everything)


async def test_a_trainer_that_is_asked_to_end_stores_what_it_has(scene: Scene) -> None:
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(300))
    async with trainer(scene):
        await scene.until_live(1)
        await scene.until(scene.backlog, 0)
    training = await scene.training()
    assert (training["samples"], training["offset"]) == (b"300", b"300")


async def test_models_of_one_partition_each_take_their_own(scene: Scene) -> None:
    here = [f"m{number}" for number in range(60) if raw(f"m{number}", b"").partition == raw(MODEL, b"").partition]
    assert here
    other = here[0]
    everything, strange = [*samples(700)], [*samples(700, seed=2)]
    await scene.edit(lambda catalog: model_edits.put_models(catalog, {MODEL: CLUSTER, other: CLUSTER}, KEEP_ALL))
    pairs = zip(everything, strange, strict=True)
    both = [(message(MODEL, CLUSTER, mine), message(other, CLUSTER, theirs)) for mine, theirs in pairs]
    await scene.append(each for pair in both for each in pair)
    async with trainer(scene):
        await scene.until_live(3)
        await scene.until_live(3, other)
    assert await scene.snapshots() == by_hand(CLUSTER, everything)
    assert await scene.snapshots(other) == by_hand(CLUSTER, strange, other)


async def test_only_the_newest_snapshots_are_kept_and_the_live_one(scene: Scene) -> None:
    definition = CLUSTER.model_copy(update={"publish_every": 50, "warm_up": 50})
    everything = [*samples(1_300)]
    await scene.define(definition)
    async with trainer(scene):
        await scene.tell(definition, everything[:100])
        await scene.until_live(2)
        await scene.edit(lambda catalog: model_edits.pin(catalog, MODEL, 1))
        await scene.tell(definition, everything[100:])
        await scene.until_stored(26)
    assert [each.version for each in await scene.snapshots()] == [1, *range(7, 27)]


async def test_workers_are_told_what_is_not_learned(scene: Scene) -> None:
    async with trainer(scene) as page:
        await scene.until(scene.backlog, 0)
        assert await page.status() == 200
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(700))
    await scene.redis.delete(keys.TRAINER)
    async with trainer(scene) as page:
        await scene.until_live(3)
        await scene.until(scene.backlog, 0)
        assert await page.metric("tranche_trainer_backlog_records") == 0
        assert await page.metric('tranche_trainer_samples_learned_total{model="m"}') == 700
        assert await page.metric('tranche_trainer_snapshots_total{model="m"}') == 3
        assert await page.metric("tranche_trainer_publications_total") in {1, 2, 3}
        age_s = await page.metric("tranche_trainer_snapshot_age_seconds")
        assert age_s is not None
        assert 0 < age_s < 20


async def test_what_cannot_be_learned_is_left_out_and_counted(scene: Scene) -> None:
    good = [*samples(700)]
    nothing = (b"", b"{", b"[]", b'["x"]', b"\xff", b"[" * 5_000, b"null", b'["a",[1,NaN]]')
    poison = [
        *(raw(MODEL, value) for value in nothing),
        message(MODEL, CLUSTER, Sample(1, 5, (1.0, True, 0.0))),
        *(message(MODEL, CLUSTER, Sample(1, 5, bad)) for bad in ((), (1.0,) * 4, (26.0, 0.0, 0.0))),
        message(MODEL, CLUSTER, Sample(1, -1, PLACES[0])),
        message("gone", CLUSTER, good[0]),
        message(MODEL, DEFINITIONS["rfm"], good[0]),
    ]
    await scene.define(CLUSTER)
    for begin in range(0, 700, 70):
        await scene.tell(CLUSTER, good[begin : begin + 70])
        await scene.append(poison)
    async with trainer(scene) as page:
        await scene.until_live(3)
        await scene.until(scene.backlog, 0)
        assert await page.metric('tranche_trainer_refused_samples_total{reason="unreadable"}') == 90
        assert await page.metric('tranche_trainer_refused_samples_total{reason="unfit"}') == 40
        assert await page.status() == 200
    assert await scene.snapshots() == by_hand(CLUSTER, good)


async def test_the_same_definition_under_another_name_goes_on(scene: Scene) -> None:
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    async with trainer(scene):
        await scene.tell(CLUSTER, everything[:500])
        await scene.until_live(2)
        await scene.define(CLUSTER.model_copy(update={"name": "another"}))
        await scene.has_spread()
        await scene.tell(CLUSTER, everything[500:])
        await scene.until_live(3)
    assert await scene.snapshots() == by_hand(CLUSTER, everything)
    assert (await scene.trained())[-1].definition.name == "another"


async def test_an_edited_definition_learns_anew_and_gives_no_number_twice(scene: Scene) -> None:
    edited = CLUSTER.model_copy(update={"parameters": {"n_clusters": 2}})
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    async with trainer(scene):
        await scene.tell(CLUSTER, everything)
        await scene.until_live(3)
        before = (await scene.trained())[-1]
        await scene.define(edited)
        await scene.has_spread()
        await scene.tell(CLUSTER, everything)  # measured by a worker that does not know of the edit
        await scene.tell(edited, everything)
        await scene.until_live(6)
    expected = by_hand(edited, everything, after=before)
    assert (await scene.snapshots())[3:] == expected
    assert [each.version for each in expected] == [4, 5, 6]


async def test_a_deleted_model_is_forgotten_but_no_cluster_id_is_given_again(scene: Scene) -> None:
    everything = [*samples(700)]
    await scene.define(CLUSTER)
    async with trainer(scene):
        await scene.tell(CLUSTER, everything)
        await scene.until_live(3)
        await scene.delete()
        await scene.until(scene.training, {})
        assert [each.version for each in await scene.snapshots()] == [3]
        before = (await scene.trained())[-1]
        other = CLUSTER.model_copy(update={"features": {**TERMS, "views": 'count("page_view")'}})
        await scene.define(other)
        await scene.tell(other, everything)
        await scene.until_live(6)
    after = (await scene.snapshots())[-1].body
    assert isinstance(after, Clusters)
    assert isinstance(before.snapshot.body, Clusters)
    assert not set(after.ids) & {*before.snapshot.body.ids, *before.snapshot.body.retired}


async def test_the_id_of_a_deleted_model_stands_for_no_other_kind(scene: Scene) -> None:
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(250))
    async with trainer(scene) as page:
        await scene.until_live(1)
        await scene.delete()
        await scene.define(DEFINITIONS["rfm"])
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
        await scene.delete()
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 0)
        await scene.define(CLUSTER)
        await scene.tell(CLUSTER, samples(250))
        await scene.until_live(3)


def test_an_idle_trainer_has_no_use_for_river() -> None:
    script = "import sys, services.trainer.app; sys.exit('river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
