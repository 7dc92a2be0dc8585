"""An edit that Redis acknowledged and then lost, as in a failover: nobody stays in a segment because of it."""

import httpx
import pytest

from services.runtime.redis_client import connect
from services.segment_api.settings import ApiSettings
from services.segmentation.wire import keys
from tests.segment_api.running import client_of, lookup, put
from tests.segment_api.stored import StoredUsers, event

pytestmark = pytest.mark.dated_versions

T = 1_732_240_000_000


async def test_what_was_stored_under_a_lost_edit_is_evaluated_anew_after_the_next(
    settings: ApiSettings, client: httpx.AsyncClient, users: StoredUsers
) -> None:
    redis = connect(settings.redis_url, timeout_s=5)
    await put(client, "seen", 'count("visit") >= 5')
    before = await redis.dump(keys.CATALOG)
    assert before is not None
    await put(client, "seen", 'count("visit") >= 1')
    await users.apply([event("visit", T)])
    assert await ids(client) == ["seen"]
    await redis.delete(keys.CATALOG)
    await redis.restore(keys.CATALOG, 0, before)
    async with client_of(settings) as other:  # a process that has never seen the edit
        await put(other, "another", 'count("visit") >= 1')
        assert await ids(other) == ["another"]
    await client.get("/v1/segments")  # looks at the catalog now
    assert await ids(client) == ["another"]
    await redis.aclose()


async def ids(client: httpx.AsyncClient) -> list[str]:
    return list((await lookup(client, "u-42", at=T, fields="ids"))["segments"])
