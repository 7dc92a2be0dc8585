"""Who learns: a pupil for each model of the catalog, begun anew or from where its training is stored.

Whatever is wrong with one model keeps no other from learning: it is stopped, with a complaint that the API can show,
until its definition is edited or the trainer starts anew.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Set

from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.registry import Registry
from services.segmentation.models.wire import BadSnapshot
from services.trainer.metrics import TrainerMetrics
from services.trainer.pupil import Mark, Pupil, Spoilt
from services.trainer.store import FORMAT, Before, Kept, TrainingStore

MOST_SKIPPED = 10
"""Records that a training may fail on from one write of it to the next."""

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """A model cannot learn; the message tells an operator why, and what to do."""


class Roll:
    def __init__(self, store: TrainingStore, metrics: TrainerMetrics) -> None:
        self.pupils: dict[str, Pupil] = {}
        self.stopped: dict[str, ModelDefinition] = {}
        self._store, self._metrics = store, metrics
        self._skipped: defaultdict[str, set[int]] = defaultdict(set)

    async def call(self, registry: Registry) -> None:
        """Have those learn that there are now, by their newest definitions. Raises REDIS_ERRORS."""
        for gone in (self.pupils.keys() | self.stopped.keys()) - registry.models.keys():
            self.send_away(gone)
            self.stopped.pop(gone, None)
            self._skipped.pop(gone, None)
            self._metrics.forget(gone)
        for name, model in registry.models.items():
            pupil = self.pupils.get(name)
            current = self.stopped.get(name) if pupil is None else pupil.definition
            if current != model.definition:
                await self._seat(name, model.definition)

    def send_away(self, model_id: str) -> None:
        """Forget what is in memory: it begins from what is stored, the next time that it is called."""
        self.pupils.pop(model_id, None)

    async def spoil(self, pupil: Pupil, spoilt: Spoilt) -> None:
        """Leave that record out, and learn from what is stored once more; stopped where that happens over and over."""
        _log.error("model %s: %s", pupil.model_id, spoilt)
        skipped = self._skipped[pupil.model_id]
        skipped.add(spoilt.offset)
        self.send_away(pupil.model_id)
        if len(skipped) > MOST_SKIPPED:
            skipped.clear()
            await self.stop(pupil.model_id, pupil.definition, f"to learn its samples ends in {spoilt.reason}")

    async def stop(self, model_id: str, definition: ModelDefinition, complaint: str) -> None:
        """Until its definition is edited, or the trainer starts anew."""
        _log.critical("model %s does not learn: %s", model_id, complaint)
        self.send_away(model_id)
        self.stopped[model_id] = definition
        await self._store.note(model_id, complaint)

    def stored(self, pupil: Pupil) -> None:
        """What was left out before that is behind it."""
        self._skipped[pupil.model_id] -= {each for each in self._skipped[pupil.model_id] if each < pupil.position}

    async def _seat(self, model_id: str, definition: ModelDefinition) -> None:
        self.send_away(model_id)
        self.stopped.pop(model_id, None)
        try:
            pupil = await self._pupil(model_id, definition)
        except Stopped as error:
            await self.stop(model_id, definition, str(error))
        else:
            await self._store.note(model_id)
            self._metrics.name(model_id)
            self.pupils[model_id] = pupil

    async def _pupil(self, model_id: str, definition: ModelDefinition) -> Pupil:
        kept = await self._store.load(model_id)
        if kept is not None and kept.mark.definition == definition.digest:
            if kept.format > FORMAT:
                raise Stopped("its training was stored by a newer version of Tranche: run a trainer of that version")
            try:
                return await asyncio.to_thread(_resumed, model_id, definition, kept, self._skipped[model_id])
            except Exception as error:
                told = "its stored training cannot be read, and begins anew"
                _log.error("model %s: %s: %s", model_id, told, type(error).__name__)
        return await self._begun(model_id, definition, None if kept is None else kept.mark)

    async def _begun(self, model_id: str, definition: ModelDefinition, mark: Mark | None) -> Pupil:
        newest = (await self._store.newest_snapshots([model_id])).get(model_id)
        data = None if newest is None else await self._store.snapshot(model_id, newest)
        before = None if data is None else Before(data, await self._store.moves(model_id))
        try:
            return await asyncio.to_thread(_begun, model_id, definition, before, mark, self._skipped[model_id])
        except BadSnapshot as error:
            raise Stopped(
                f"its newest snapshot, number {newest}, cannot be read ({error}), so nobody knows which ids are taken: "
                "run the version of Tranche that wrote it, or define the model under another id"
            ) from error
        except ValueError as error:
            raise Stopped(str(error)) from error
        except Exception as error:
            raise Stopped(f"to begin its training ended in {type(error).__name__}") from error


# What opens a training brings River along, which takes time and memory: only where there is a model.


def _resumed(model_id: str, definition: ModelDefinition, kept: Kept, skipped: Set[int]) -> Pupil:
    from services.trainer.opening import resumed  # noqa: PLC0415 - see above

    return resumed(model_id, definition, kept, skipped)


def _begun(
    model_id: str, definition: ModelDefinition, before: Before | None, mark: Mark | None, skipped: Set[int]
) -> Pupil:
    from services.trainer.opening import begun  # noqa: PLC0415 - see above

    return begun(model_id, definition, before, mark, skipped)
