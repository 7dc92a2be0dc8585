"""The catalog in Redis: reading it and what happened to it, and changing it without losing anybody's edit."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple, cast

from pydantic import ValidationError

from services.runtime.clock import Clock, now_ms
from services.runtime.redis_client import RedisClient
from services.runtime.watched import Place, UnreadableValue, WatchedValue
from services.segment_api.segments import history
from services.segment_api.segments.history import UNSIGNED, HistoryEntry, Note
from services.segmentation.catalog import Catalog
from services.segmentation.wire import keys
from services.segmentation.wire.catalog import CatalogReader

NOTHING: Place = (keys.CATALOG, "")


class NotStored(LookupError):
    """What the catalog was to refer to is not there."""


class Change(NamedTuple):
    """The catalogs right before and right after an edit; the same object when it changed nothing."""

    before: Catalog
    after: Catalog


def watched_catalog(redis: RedisClient) -> WatchedValue[Catalog]:
    reader = CatalogReader()
    return WatchedValue(redis, keys.CATALOG, reader.decode, Catalog(), references=reader)


class CatalogStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time, and UnreadableValue."""

    def __init__(self, redis: RedisClient, catalog: WatchedValue[Catalog], clock: Clock = now_ms) -> None:
        self.watched = catalog
        self._redis = redis
        self._clock = clock
        self._replace = redis.register_script(files(__package__).joinpath("lua/replace_catalog.lua").read_text())
        self._editing = asyncio.Lock()  # edits of one process take turns, instead of making each other begin again

    async def read(self) -> Catalog:
        return await self.watched.refresh()

    async def change(self, edit: Callable[[Catalog], Catalog], note: Note = UNSIGNED, needs: Place = NOTHING) -> Change:
        """Apply `edit` to the newest catalog, again if somebody else changed it meanwhile.

        Raises NotStored where what the edit `needs` is not in Redis in the moment of the edit.
        """
        async with self._editing:
            while True:
                before = await self.watched.refresh()
                after = edit(before)
                if after is before:
                    return Change(before, after)
                after = after.dated(self._clock())
                if await self._replaced(before, after, note, needs):
                    await self.watched.refresh()  # so that lookups answered here know it from now on
                    return Change(before, after)

    async def history(self, segment_id: str, limit: int = history.MAX_ENTRIES) -> list[HistoryEntry]:
        """What happened to a segment, newest first."""
        rows = await self._redis.lrange(history.key(segment_id), 0, limit - 1)
        try:
            return [HistoryEntry.model_validate_json(row) for row in cast("list[bytes]", rows)]
        except ValidationError as error:
            raise UnreadableValue(f"the history of segment {segment_id} was not written by this version") from error

    async def _replaced(self, before: Catalog, after: Catalog, note: Note, needs: Place) -> bool:
        told = history.entries(before, after, note, self._clock())
        names = [keys.CATALOG, needs[0], *map(history.key, told)]
        versions, document = (before.version, after.version), after.encode()
        values: list[int | str | bytes] = [*versions, document, history.MAX_ENTRIES, needs[1], *told.values()]
        outcome = int(await self._replace(keys=names, args=values))
        if outcome < 0:
            raise NotStored(f"{needs[0]} has no {needs[1]}")
        return bool(outcome)
