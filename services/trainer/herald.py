"""What the trainer tells others, once a second: the workers its backlog, everybody which snapshots are live.

The law: it acts on what is stored, never on what it remembers. So whatever was left undone by a trainer that was
killed, or undone by a Redis that lost it, is done at the next look; and two trainers do it once.
"""

import asyncio
import logging
from collections.abc import Callable

from services.runtime.clock import Clock
from services.runtime.watched import WatchedValue
from services.segmentation import model_edits
from services.segmentation.catalog import Catalog
from services.segmentation.models.registry import Registry
from services.trainer.going_live import going_live, is_time
from services.trainer.metrics import TrainerMetrics
from services.trainer.store import TrainingStore

EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Herald:
    """`backlog` tells None where it is not known; `steady_s` is a clock that does not jump, in seconds."""

    def __init__(
        self,
        catalog: WatchedValue[Catalog],
        store: TrainingStore,
        backlog: Callable[[], int | None],
        publish_s: float,
        metrics: TrainerMetrics,
        clock: Clock,
        steady_s: Callable[[], float],
    ) -> None:
        self._catalog, self._store, self._backlog = catalog, store, backlog
        self._publish_s, self._metrics, self._clock, self._steady_s = publish_s, metrics, clock, steady_s
        self._published_s = steady_s() - publish_s
        self.failing: str | None = None
        """What the last round failed with; None when it went well."""

    async def follow(self) -> None:
        """Go round again and again, until cancelled. A failure is logged when it begins and when it is over."""
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # redis-py sometimes swallows the cancellation itself
            outcome = await self._try()
            if outcome != self.failing:
                _log.warning("telling: %s", f"failed, trying again: {outcome}" if outcome else "goes well again")
            self.failing = outcome
            await asyncio.sleep(EVERY_S)

    async def go_round(self) -> None:
        """Raises REDIS_ERRORS and UnreadableValue."""
        catalog = await self._catalog.refresh()
        if (backlog := self._backlog()) is not None:
            await self._store.tell_workers(backlog)
        await self._publish(catalog)
        await self._forget_deleted()

    async def _try(self) -> str | None:
        """The name of what went wrong. Anything may: the end of the rounds would go unnoticed."""
        try:
            await self.go_round()
        except Exception as error:
            return type(error).__name__
        return None

    async def _publish(self, catalog: Catalog) -> None:
        """Again with the newest catalog, where somebody else has edited it meanwhile."""
        newest = await self._store.newest_snapshots(catalog.registry.models)
        while True:
            numbers = going_live(catalog.registry, newest, is_time=self._is_time(catalog))
            after = model_edits.publish(catalog, numbers)
            if after is catalog:
                return
            if await self._store.replace_catalog(catalog, after.dated(self._clock())):
                self._published_s = self._steady_s()
                self._tell(catalog.registry, after.registry)
            catalog = await self._catalog.refresh()

    async def _forget_deleted(self) -> None:
        catalog = self._catalog.value
        for model_id in await self._store.trainings():
            if model_id not in catalog.registry.models:
                await self._store.forget(model_id, catalog)

    def _tell(self, before: Registry, after: Registry) -> None:
        models = after.models.items()
        live = {name: model.live.number for name, model in models if model.live and model != before.models[name]}
        self._metrics.publications.inc(len(live))
        _log.info("snapshots go live: %s", ", ".join(f"{name} {number}" for name, number in live.items()))

    def _is_time(self, catalog: Catalog) -> bool:
        mine = self._steady_s() - self._published_s >= self._publish_s
        return mine and is_time(catalog.registry, self._publish_s * 1000, self._clock())
