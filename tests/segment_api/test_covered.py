"""Since when profiles hold all that a rule looks at."""

from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from services.runtime.clock import now_ms
from services.runtime.redis_client import connect
from services.segment_api.preview.covered import Covered
from services.segment_api.preview.sample import Sampler
from services.segment_api.reads import BoundedReads
from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import Catalog
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import RETAINED
from services.segmentation.rules.parse import parse
from services.segmentation.time_zones import TimeZones
from tests.segment_api.crowd import previewed, store_all, tools_of
from tests.segment_api.running import put
from tests.segment_api.stored import event

HOUR = 3_600_000
NOW = now_ms()


@pytest.fixture
async def tools(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with tools_of(settings) as tools:
        yield tools


class TestWhatProfilesStillHold:
    RULE = "distinct('visit', 'category') > 3"

    async def test_a_preview_tells_since_when_all_sampled_profiles_hold_all(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "varied", self.RULE)
        await store_all(settings, {"light": _visits("light", 5), "heavy": _visits("heavy", RETAINED + 3)})
        assert (await previewed(tools, "count('visit') > 3"))["covered_since"] is None
        assert (await previewed(tools, self.RULE))["covered_since"] == NOW - 10 * HOUR + 2 + 1
        assert (await previewed(tools, "segment('varied')"))["covered_since"] == NOW - 10 * HOUR + 2 + 1

    async def test_so_can_be_asked_for_any_rule(self, settings: ApiSettings) -> None:
        await store_all(settings, {"heavy": _visits("heavy", RETAINED + 3)}, space="shop")
        found = [await _covered(settings, rule, TimeZones()) for rule in (self.RULE, "count('visit') > 3")]
        assert found == [NOW - 10 * HOUR + 2 + 1, None]

    @pytest.mark.parametrize(("zones", "since"), [("UTC", 9 * HOUR + 2 + 1), ("UTC shop=Pacific/Kiritimati", None)])
    async def test_days_are_those_of_the_space(self, settings: ApiSettings, zones: str, since: int | None) -> None:
        """On an atoll where the day begins at ten in UTC, the visits of nine are of the day before."""
        midnight = 1_732_233_600_000
        visits = _visits("heavy", RETAINED + 3, midnight + 9 * HOUR)
        await store_all(settings, {"heavy": [*visits, event("purchase", midnight + 12 * HOUR, "heavy")]}, space="shop")
        found = await _covered(settings, "count('visit', within='today') > 3", TimeZones.parse(zones))
        assert found == (None if since is None else midnight + since)


async def _covered(settings: ApiSettings, rule: str, zones: TimeZones) -> int | None:
    redis = connect(settings.redis_url, timeout_s=5)
    reads = BoundedReads(redis, 4, lambda error: pytest.fail(str(error)))
    covered = Covered(Sampler(redis, settings.partitions, Random(1)), reads, zones, Catalog)
    found = await covered.since(parse(rule, KEEP_ALL))
    await redis.aclose()
    return found


def _visits(user_id: str, count: int, begin_ms: int = NOW - 10 * HOUR) -> list[Event]:
    """One a millisecond."""
    return [event("visit", begin_ms + index, user_id, properties={"category": "a"}) for index in range(count)]
