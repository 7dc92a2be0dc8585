"""What is stored of trainings, in the hash slot of the catalog: where each is, its snapshots, what is wrong with it.

Every write of a training is fenced by where it was before. So of two trainers at work one is refused, and goes on from
what the other has stored.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from importlib.resources import files
from typing import NamedTuple, cast

import orjson

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.wire import keys
from services.trainer.pupil import Mark, Pupil

FORMAT = 1
"""Of the stored state; the first that there is."""
KEPT_SNAPSHOTS = 20

_Values = list[bytes | None]


class Kept(NamedTuple):
    """A training as it is stored."""

    mark: Mark
    format: int
    state: bytes
    is_whole: bool
    """Whether the state is what was written."""


class Before(NamedTuple):
    """The newest stored snapshot of a model that begins to learn anew."""

    snapshot: bytes
    moves: bytes | None


class TrainingStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time."""

    def __init__(self, redis: RedisClient, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._keep, self._forget, self._replace = (
            redis.register_script(files(__package__).joinpath(f"lua/{name}.lua").read_text())
            for name in ("keep", "forget", "replace_catalog")
        )

    async def load(self, model_id: str) -> Kept | None:
        """None where there is none, or one that nobody can go on from."""
        fields = ["definition", "offset", "format", "state", "checksum"]
        found = cast("_Values", await self._redis.hmget(keys.training(model_id), fields))
        definition, offset, version, state, checksum = found
        if definition is None or offset is None or version is None or state is None:
            return None
        return Kept(Mark(definition.decode(), int(offset)), int(version), state, checksum == _checksum(state))

    async def newest_snapshots(self, models: Collection[str]) -> Mapping[str, int]:
        """By model, the number of the newest one that is stored."""
        pipeline = self._redis.pipeline(transaction=False)
        for model in models:
            pipeline.hkeys(keys.snapshots(model))
        rows = await pipeline.execute() if models else []
        numbers = ([int(name) for name in row if name.isdigit()] for row in rows)
        return {model: max(each) for model, each in zip(models, numbers, strict=True) if each}

    async def snapshot(self, model_id: str, number: int) -> bytes | None:
        return cast("bytes | None", await self._redis.hget(keys.snapshots(model_id), str(number)))

    async def moves(self, model_id: str) -> bytes | None:
        """Those of its newest snapshot, which travel beside it."""
        return cast("bytes | None", await self._redis.get(keys.moves(model_id)))

    async def keep(self, pupil: Pupil, state: bytes, partition: int, catalog: Catalog) -> bool:
        """Store where a training is, and the snapshot that it has made; whether nobody else stored it meanwhile.

        Only the newest snapshots and the live one are left, as far as `catalog` is the newest: else that waits.
        """
        model = catalog.registry.models.get(pupil.model_id)
        live = model.live.number if model and model.live else ""
        number, data, moves = pupil.made or ("", b"", b"")
        values: list[str | int | bytes] = [
            *(pupil.mark or ("", "")),
            *(catalog.version, live, KEPT_SNAPSHOTS, pupil.model_id),
            *(pupil.digest, partition, pupil.position, pupil.samples, self._clock(), FORMAT),
            *(state, _checksum(state), number, data, moves),
        ]
        return bool(await self._keep(keys=_names(pupil.model_id), args=values))

    async def trainings(self) -> Collection[str]:
        """The models of which one may be stored."""
        return [name.decode() for name in cast("list[bytes]", await self._redis.hkeys(keys.TRAININGS))]

    async def note(self, model_id: str, complaint: str = "") -> None:
        """Write down that it learns, or what keeps it from that."""
        await self._redis.hset(keys.TRAININGS, model_id, complaint)

    async def forget(self, model_id: str, catalog: Catalog) -> None:
        """Of a model that is not in the catalog, if this is the newest: all but its newest snapshot.

        That one stays so that no number and no cluster's id is ever given twice.
        """
        await self._forget(keys=_names(model_id), args=[catalog.version, model_id])

    async def replace_catalog(self, before: Catalog, after: Catalog) -> bool:
        """Whether nobody else did meanwhile."""
        values: list[int | bytes] = [before.version, after.version, after.encode()]
        return bool(await self._replace(keys=[keys.CATALOG], args=values))

    async def tell_workers(self, backlog: int) -> None:
        await self._redis.set(keys.TRAINER, orjson.dumps({"backlog": backlog, "at_ms": self._clock()}))


def _checksum(state: bytes) -> bytes:
    return blake2b(state, digest_size=16).hexdigest().encode()


def _names(model_id: str) -> list[str]:
    return [
        keys.training(model_id),
        keys.snapshots(model_id),
        keys.TRAININGS,
        keys.CATALOG,
        keys.moves(model_id),
    ]
