"""How far behind the trainer is said to be, for how long it was silent, and which models have no snapshot at hand."""

from collections.abc import AsyncIterator

import orjson
import pytest

from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.models.thinning import FREE_BACKLOG, MINUTE_MS, level
from services.segmentation.wire import keys
from services.stream_worker import model_watch as module
from services.stream_worker.model_watch import ModelWatch, Trainer
from tests.stream_worker.models import definition, published, store_snapshot, with_models
from tests.stream_worker.scene import Scene
from tests.stream_worker.states import Clock, catalog_of, redis_at

MINUTE_S, NOW_MS = MINUTE_MS / 1_000, 1_000_000_000
MODELS = with_models(catalog_of("count('view') >= 2"), likely=definition("propensity"))


class Held:
    """A catalog that is followed."""

    def __init__(self, value: Catalog) -> None:
        self.value = value


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(clean_redis_url) as redis:
        yield redis


def said(backlog: int, at_ms: int = NOW_MS) -> bytes:
    return orjson.dumps({"backlog": backlog, "at_ms": at_ms})


def test_a_trainer_that_was_never_heard_is_silent_since_there_are_models() -> None:
    trainer = Trainer(100)
    assert [trainer.level(100 + minutes * MINUTE_S) for minutes in (0, 1, 2, 5)] == [0, 1, 2, 3]


def test_its_backlog_thins_samples_at_once() -> None:
    trainer = Trainer(100)
    trainer.hear(said(FREE_BACKLOG * 5), 101, NOW_MS)
    assert trainer.level(101) == level(FREE_BACKLOG * 5, 0) == 3
    trainer.hear(said(10, NOW_MS + 1_000), 102, NOW_MS + 1_000)
    assert trainer.level(102) == 0


def test_one_that_says_the_same_is_silent_and_one_that_says_something_else_is_not() -> None:
    trainer = Trainer(0)
    for now_s in (0.0, MINUTE_S, 3 * MINUTE_S):
        trainer.hear(said(10), now_s, NOW_MS + int(now_s * 1_000))
    assert trainer.level(3 * MINUTE_S) == level(10, 3 * MINUTE_MS) == 2
    trainer.hear(said(10, NOW_MS + 1), 3 * MINUTE_S, NOW_MS)
    assert trainer.level(3 * MINUTE_S) == 0


def test_what_an_earlier_trainer_said_is_as_old_as_it_says() -> None:
    trainer = Trainer(0)
    trainer.hear(said(10, NOW_MS - 3 * MINUTE_MS), 0, NOW_MS)
    assert trainer.level(MINUTE_S) == level(10, 4 * MINUTE_MS) == 3


def test_a_trainer_whose_clock_is_wrong_is_heard_all_the_same() -> None:
    for wrong_ms in (-60 * MINUTE_MS, 60 * MINUTE_MS):
        trainer = Trainer(0)
        for second in range(5):
            trainer.hear(said(10, NOW_MS + wrong_ms + second * 1_000), second, NOW_MS + second * 1_000)
        assert trainer.level(5) == 0


async def test_the_level_is_what_the_trainer_said_last_and_is_logged_when_it_changes(
    redis: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ModelWatch(redis, Held(MODELS), Clock(NOW_MS))
    for backlog in (0, FREE_BACKLOG * 2, FREE_BACKLOG * 2 - 1, 0):
        await redis.set(keys.TRAINER, said(backlog, NOW_MS + backlog))
        await watch.look()
        assert (watch.level, watch.kept_share) == ((1, 0.5) if backlog else (0, 1.0))
    assert [record.getMessage() for record in caplog.records] == [
        "the models' trainer is behind or silent: 1 in 2 samples is taken",
        "the models' trainer keeps up: all samples are taken",
    ]


@pytest.mark.parametrize("rubbish", [b"\xff", b"[]", b'{"backlog": "5", "at_ms": 1}', b'{"backlog": 5}'])
async def test_what_cannot_be_read_is_as_if_nothing_was_said(
    redis: RedisClient, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ModelWatch(redis, Held(MODELS), Clock(NOW_MS))
    await redis.set(keys.TRAINER, rubbish)
    for _ in range(2):
        await watch.look()
    await redis.set(keys.TRAINER, said(FREE_BACKLOG * 2))
    await watch.look()
    assert watch.level == 1
    assert caplog.text.count("cannot be heard now") == caplog.text.count("heard again") == 1


async def test_that_there_is_no_trainer_yet_is_no_trouble(redis: RedisClient, caplog: pytest.LogCaptureFixture) -> None:
    watch = ModelWatch(redis, Held(MODELS), Clock(NOW_MS))
    await watch.look()
    assert (watch.level, caplog.records) == (0, [])


async def test_without_models_nobody_listens(redis: RedisClient, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(MODELS)
    watch = ModelWatch(redis, held, Clock(NOW_MS))
    await redis.set(keys.TRAINER, said(FREE_BACKLOG * 2))
    await watch.look()
    held.value = catalog_of("count('view') >= 2")
    monkeypatch.setattr(module.Trainer, "hear", None)
    await watch.look()
    assert (watch.level, watch.missing) == (0, 0)


async def test_a_live_snapshot_that_is_gone_or_cannot_be_read_is_told_of(
    redis: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = with_models(MODELS, fine=definition("propensity"), torn=definition("propensity"))
    for model in ("likely", "fine", "torn"):
        catalog = published(catalog, model, 1, 0.5)
    await store_snapshot(redis, catalog, "fine")
    await redis.hset(keys.snapshots("torn"), "1", "rubbish")
    scene = Scene(redis)
    await scene.put(catalog)
    followed = scene.catalog()
    await followed.refresh()
    watch = ModelWatch(redis, followed, Clock(NOW_MS))
    for _ in range(2):
        await watch.look()
    assert watch.missing == 2
    assert caplog.text.count("which say nothing here: ['likely', 'torn']") == 1
    await store_snapshot(redis, catalog, "torn")
    await scene.put(published(catalog, "fine", 1, 0.5).after_edit())
    await followed.refresh()
    await watch.look()
    assert watch.missing == 1
    assert "which say nothing here: ['likely']" in caplog.text
