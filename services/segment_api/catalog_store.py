"""The catalog in Redis: reading it, and changing it without losing anybody's edit."""

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from services.runtime.redis_client import RedisClient
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.wire import keys


class Change(NamedTuple):
    """The catalogs right before and right after an edit; the same object when it changed nothing."""

    before: Catalog
    after: Catalog


def watched_catalog(redis: RedisClient) -> WatchedValue[Catalog]:
    return WatchedValue(redis, keys.CATALOG, Catalog.decode, Catalog())


class CatalogStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time, and UnreadableValue."""

    def __init__(self, redis: RedisClient, catalog: WatchedValue[Catalog]) -> None:
        self._catalog = catalog
        self._replace = redis.register_script(files(__package__).joinpath("lua/replace_catalog.lua").read_text())

    async def read(self) -> Catalog:
        return await self._catalog.refresh()

    async def change(self, edit: Callable[[Catalog], Catalog]) -> Change:
        """Apply `edit` to the newest catalog, again if somebody else changed it meanwhile."""
        while True:
            before = await self._catalog.refresh()
            after = edit(before)
            if after is before:
                return Change(before, after)
            arguments: list[int | bytes] = [before.version, after.version, after.encode()]
            if await self._replace(keys=[keys.CATALOG], args=arguments):
                await self._catalog.refresh()  # so that lookups answered here know it from now on
                return Change(before, after)
