"""An API whose models are trained by hand."""

from collections.abc import AsyncIterator

import pytest

from services.segment_api.settings import ApiSettings
from tests.segment_api.models.trainer import Trainer


@pytest.fixture
async def trainer(settings: ApiSettings) -> AsyncIterator[Trainer]:
    trainer = Trainer(settings)
    yield trainer
    await trainer.close()
