"""A trainer's surroundings, and trainers that do not wait long."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.redis_client import connect
from services.trainer import herald, trainer
from services.trainer.settings import TrainerSettings
from tests.trainer.scene import Scene


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herald, "EVERY_S", 0.05)
    monkeypatch.setattr(trainer, "IDLE_S", 0.02)
    monkeypatch.setattr(trainer, "RETRY_S", 0.1)


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[Scene]:
    one = Scene(connect(clean_redis_url, timeout_s=5), TrainerSettings(redis_url=clean_redis_url, publish_seconds=0))
    yield one
    await one.close()
