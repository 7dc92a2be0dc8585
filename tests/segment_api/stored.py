"""Users' state in Redis, as a worker writes it."""

from collections.abc import Iterable
from datetime import UTC

from services.runtime.clock import now_ms
from services.runtime.redis_client import connect
from services.segment_api.segments.catalog_store import watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.profile import Profile, add
from services.segmentation.wire import keys
from services.stream_worker.store import UserStore
from services.stream_worker.write import Write


class StoredUsers:
    def __init__(self, settings: ApiSettings) -> None:
        self._redis = connect(settings.redis_url, timeout_s=5)
        self._store = UserStore(self._redis, now_ms)
        self._catalog = watched_catalog(self._redis)
        self._partitions = settings.partitions

    async def apply(self, events: Iterable[Event]) -> None:
        """Fold one user's events into what is stored, under the catalog that is in force now."""
        events = list(events)
        partition, member = self._place(events[0].user_id, events[0].space)
        await self._store.open(partition)
        (state,) = await self._store.load(partition, [member])
        state = step(state, events, await self._catalog.refresh(), KEEP_ALL, UTC)
        await self.put(events[0].user_id, state, events[0].space)

    async def put(self, user_id: str, state: UserState, space: str = "default") -> None:
        partition, member = self._place(user_id, space)
        watermark = (await self._store.open(partition)).watermark
        (before,) = await self._store.load(partition, [member])
        assert await self._store.apply(partition, watermark, watermark + 1, [Write(member, before, state)])

    async def damage(self, user_id: str, membership: bytes | None = None, profile: bytes | None = None) -> None:
        place = self._place(user_id, "default")
        if membership is not None:
            await self._redis.set(keys.membership(*place), membership)
        if profile is not None:
            await self._redis.set(keys.profile(*place), profile)

    async def close(self) -> None:
        await self._redis.aclose()

    def _place(self, user_id: str, space: str) -> tuple[int, str]:
        return partition_of(user_id, self._partitions), keys.member(space, user_id)


def event(type_: str, ts_ms: int, user_id: str = "u-42", **more: object) -> Event:
    return Event(f"{type_}-{ts_ms}", user_id, type_, ts_ms, **more)  # type: ignore[arg-type]


def profile_of(events: list[Event]) -> Profile:
    profile: Profile | None = None
    for each in events:
        profile = add(profile, each, KEEP_ALL)
    assert profile is not None
    return profile
