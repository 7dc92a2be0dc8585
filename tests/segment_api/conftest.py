"""The API in this process over a real Redis, and what a worker would have stored there."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import Catalog
from tests.segment_api.running import client_of
from tests.segment_api.stored import StoredUsers


@pytest.fixture(autouse=True)
def versions_from_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the clock stood still, so that tests can name versions; `dated_versions` marks those that want the real."""
    if "dated_versions" not in request.keywords:
        monkeypatch.setattr(Catalog, "dated", lambda self, _: self)


@pytest.fixture
def settings(clean_redis_url: str) -> ApiSettings:
    """Deadlines that no busy test machine misses; what is about deadlines sets its own."""
    return ApiSettings(redis_url=clean_redis_url, partitions=8, lookup_deadline_ms=5_000, batch_deadline_ms=5_000)


@pytest.fixture
async def client(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings) as client:
        yield client


@pytest.fixture
async def users(settings: ApiSettings) -> AsyncIterator[StoredUsers]:
    users = StoredUsers(settings)
    yield users
    await users.close()
