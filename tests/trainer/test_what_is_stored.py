"""Trainings that are damaged, foreign or written by somebody else: each is dealt with alone, and says what to do."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import orjson
import pytest

from services.runtime.event_log.embedded_names import SAMPLES
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.course import Course
from services.segmentation.wire import keys
from services.trainer.store import FORMAT
from tests.segmentation.training.crowds import DEFINITIONS, samples
from tests.trainer.scene import MODEL, Scene, by_hand, raw, trainer, with_moves

CLUSTER = DEFINITIONS["cluster"]
PARTITION = raw(MODEL, b"").partition


async def complaint(scene: Scene, model_id: str = MODEL) -> str:
    return str(((await scene.redis.hget(keys.TRAININGS, model_id)) or b"").decode())  # type: ignore[union-attr]


async def learned(scene: Scene, count: int) -> None:
    """A trainer was here, and has learned so many."""
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(count))
    async with trainer(scene):
        await scene.until(scene.backlog, 0)
    await scene.redis.delete(keys.TRAINER)


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: {key: value for key, value in state.items() if key != name}


def with_(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda state: state | {name: value}


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"{",
        lambda _: [],
        lambda _: None,
        without("panel"),
        without("learner"),
        with_("counts", [1]),
        with_("learner", {"centres": "none"}),
        with_("panel", [[1]]),
        with_("definition", "another"),
        lambda state: orjson.dumps(state).replace(b"0.1", b"0.2"),
    ],
)
async def test_a_damaged_training_begins_anew_and_harms_no_other(
    scene: Scene, damage: Callable[[Any], object], caplog: pytest.LogCaptureFixture
) -> None:
    await learned(scene, 500)
    damaged = damage(orjson.loads((await scene.training())["state"]))
    state = damaged if isinstance(damaged, bytes) else orjson.dumps(damaged)
    await scene.redis.hset(keys.training(MODEL), "state", state)
    if not isinstance(damaged, bytes):  # else it is told by its checksum
        await scene.redis.hset(keys.training(MODEL), "checksum", blake2b(state, digest_size=16).hexdigest())
    before = (await scene.trained())[-1]
    await scene.define(CLUSTER, "other")
    await scene.tell(CLUSTER, samples(250, seed=2), "other")
    async with trainer(scene):
        await scene.until_live(4)
        await scene.until_live(1, "other")
    assert (await scene.snapshots())[2:] == by_hand(CLUSTER, samples(500), after=before)
    assert "begins anew" in caplog.text


async def test_the_training_of_a_newer_version_is_left_alone(scene: Scene) -> None:
    await learned(scene, 500)
    await scene.redis.hset(keys.training(MODEL), "format", FORMAT + 1)
    stored = await scene.training()
    await scene.define(CLUSTER, "other")
    await scene.tell(CLUSTER, samples(250, seed=2), "other")
    await scene.tell(CLUSTER, samples(500, seed=2))
    async with trainer(scene) as page:
        await scene.until_live(1, "other")
        assert await page.metric("tranche_trainer_stopped_models") == 1
        assert await page.status() == 200
        assert "newer version" in await complaint(scene)
    assert await scene.training() == stored
    assert len(await scene.snapshots()) == 2


async def test_a_newest_snapshot_that_nobody_can_read_stops_what_would_come_after_it(scene: Scene) -> None:
    await learned(scene, 500)
    await scene.redis.hset(keys.snapshots(MODEL), "2", b'{"definition": {}}')
    await scene.redis.delete(keys.training(MODEL))
    async with trainer(scene) as page:
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
    assert "number 2, cannot be read" in await complaint(scene)


async def test_a_definition_that_cannot_be_learned_says_why_until_it_is_mended(scene: Scene) -> None:
    await scene.define(CLUSTER.model_copy(update={"estimator": "KMeens"}))
    async with trainer(scene) as page:
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
        assert "KMeens" in await complaint(scene)
        await scene.define(CLUSTER)
        await scene.until(lambda: complaint(scene), "")
        await scene.tell(CLUSTER, samples(250))
        await scene.until_live(1)
        assert await page.metric("tranche_trainer_stopped_models") == 0


async def test_of_two_trainers_one_is_refused_and_goes_on_from_the_other(scene: Scene) -> None:
    everything = [*samples(1_400)]
    await scene.define(CLUSTER)
    async with trainer(scene) as one, trainer(scene) as other:
        for begin in range(0, 1_400, 50):
            await scene.tell(CLUSTER, everything[begin : begin + 50])
            await scene.until(scene.backlog, 0)
        await scene.until_live(5)
        setbacks = [await page.metric("tranche_trainer_setbacks_total") or 0 for page in (one, other)]
    assert sum(setbacks) >= 1
    assert await scene.snapshots() == by_hand(CLUSTER, everything)


async def test_a_log_that_forgot_is_learned_from_where_it_begins(scene: Scene) -> None:
    everything = [*samples(1_200)]
    await learned(scene, 450)
    await scene.tell(CLUSTER, everything[450:800])
    await scene.redis.xtrim(SAMPLES.key(PARTITION), minid="600-0", approximate=False)
    await scene.tell(CLUSTER, everything[800:])
    async with trainer(scene) as page:
        await scene.until(scene.backlog, 0)
        await scene.until_live(4)
        assert await page.metric("tranche_trainer_lost_records_total") == 150
    assert await scene.snapshots() == by_hand(CLUSTER, everything[:450] + everything[600:])


async def test_a_log_that_begins_again_is_learned_from_its_end(scene: Scene) -> None:
    everything = [*samples(1_200)]
    await learned(scene, 450)
    await scene.redis.delete(SAMPLES.key(PARTITION), SAMPLES.end_key(PARTITION))
    await scene.tell(CLUSTER, everything[:30])
    async with trainer(scene):
        await scene.until(scene.backlog, 0)
        await scene.tell(CLUSTER, everything[450:])
        await scene.until_live(5)
    assert await scene.snapshots() == by_hand(CLUSTER, everything)


async def test_a_sample_that_ends_in_an_error_is_left_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Course.learn

    def learn(course: Course, told: Any) -> None:
        whole(course, told)
        if told.user == 666:
            raise ZeroDivisionError

    monkeypatch.setattr(Course, "learn", learn)
    everything = [*samples(1_000)]
    evil = Sample(666, 5, everything[0].features)
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, [*everything[:300], evil, *everything[300:600], evil, evil, *everything[600:]])
    async with trainer(scene) as page:
        await scene.until_live(4)
        await scene.until(scene.backlog, 0)
        assert (await page.metric('tranche_trainer_refused_samples_total{reason="failed"}') or 0) >= 3
    assert await scene.snapshots() == by_hand(CLUSTER, everything)


async def test_a_model_whose_every_sample_ends_in_an_error_is_stopped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Course, "learn", learn)
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(300))
    async with trainer(scene) as page:
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
    assert "ZeroDivisionError" in await complaint(scene)


async def test_a_training_that_cannot_be_stored_stops_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Course.state

    def state(course: Course) -> dict[str, Any]:
        told = whole(course)
        return told | {"at_ms": "\ud800"} if course.samples > 300 else told

    monkeypatch.setattr(Course, "state", state)
    await scene.define(CLUSTER)
    await scene.define(CLUSTER, "other")
    await scene.tell(CLUSTER, samples(700))
    await scene.tell(CLUSTER, samples(250), "other")
    async with trainer(scene) as page:
        await scene.until_live(1, "other")
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
        assert await page.status() == 200
    assert "to store it ends in" in await complaint(scene)
    assert len(await scene.snapshots()) == 1


async def test_what_is_no_snapshot_among_the_snapshots_is_let_be(scene: Scene) -> None:
    await scene.redis.hset(keys.snapshots(MODEL), "note", "of an operator")
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(250))
    async with trainer(scene):
        await scene.until_live(1)


async def test_moves_that_nobody_can_read_begin_anew_and_nothing_else(scene: Scene) -> None:
    await learned(scene, 500)
    before = (await scene.trained())[-1]
    await scene.redis.set(keys.moves(MODEL), b"{")
    await scene.redis.delete(keys.training(MODEL))
    async with trainer(scene):
        await scene.until_live(4)
    without_moves = before._replace(snapshot=with_moves(before.snapshot, ()))
    assert (await scene.snapshots())[2:] == by_hand(CLUSTER, samples(500), after=without_moves)


async def test_a_snapshot_that_nobody_could_read_is_not_stored(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Course.publish

    def publish(course: Course) -> Snapshot | None:
        snapshot = whole(course)
        return snapshot and replace(snapshot, samples=-1)

    monkeypatch.setattr(Course, "publish", publish)
    await scene.define(CLUSTER)
    await scene.tell(CLUSTER, samples(300))
    async with trainer(scene) as page:
        await scene.until(lambda: page.metric("tranche_trainer_stopped_models"), 1)
    assert await scene.snapshots() == []
