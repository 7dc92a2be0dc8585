"""A catalog and a samples log in a real Redis, and trainers of this process that follow them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import orjson
from fastapi import FastAPI

from services.runtime.clock import now_ms
from services.runtime.event_log.opening import SAMPLE_PARTITIONS, open_samples_writer
from services.runtime.event_log.port import LogWriter, Message
from services.runtime.redis_client import RedisClient
from services.segmentation import model_edits
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.registry import Model
from services.segmentation.models.samples import Told, row_of
from services.segmentation.models.snapshots import Classes, Clusters, Move, Snapshot, Trained
from services.segmentation.models.wire import decode_moves, decode_trained
from services.segmentation.partitions import partition_of
from services.segmentation.training.opening import begin
from services.segmentation.wire import keys
from services.trainer.app import open_app
from services.trainer.settings import TrainerSettings
from services.trainer.store import TrainingStore

MODEL = "m"
PATIENCE_S = 20.0


def message(model_id: str, definition: ModelDefinition, told: Told) -> Message:
    return raw(model_id, orjson.dumps([definition.digest, row_of(told)]))


def raw(model_id: str, value: bytes) -> Message:
    return Message(partition_of(model_id, SAMPLE_PARTITIONS), model_id.encode(), value)


def by_hand(
    definition: ModelDefinition, told: Iterable[Told], model_id: str = MODEL, after: Trained | None = None
) -> list[Snapshot]:
    """What a training makes of these; moves are stored with the newest alone."""
    training = begin(model_id, definition, recipe_of(definition, KEEP_ALL).names, after)
    made = []
    for each in told:
        training.learn(each)
        if training.is_due and (snapshot := training.publish()):
            made.append(snapshot)
    return [*(with_moves(each, ()) for each in made[:-1]), *made[-1:]]


def with_moves(snapshot: Snapshot, moves: tuple[Move, ...]) -> Snapshot:
    body = snapshot.body
    return replace(snapshot, body=replace(body, moves=moves)) if isinstance(body, Clusters | Classes) else snapshot


class Scene:
    def __init__(self, redis: RedisClient, settings: TrainerSettings) -> None:
        self.redis, self.settings = redis, settings
        self._store = TrainingStore(redis, now_ms)
        self._writer: LogWriter | None = None

    async def append(self, messages: Iterable[Message]) -> None:
        if self._writer is None:
            self._writer = await open_samples_writer(self.settings)
        await self._writer.append([*messages])

    async def tell(self, definition: ModelDefinition, told: Iterable[Told], model_id: str = MODEL) -> None:
        await self.append(message(model_id, definition, each) for each in told)

    async def catalog(self) -> Catalog:
        document = await self.redis.hget(keys.CATALOG, "document")
        return Catalog() if document is None else Catalog.decode(document)  # type: ignore[arg-type]

    async def model(self, model_id: str = MODEL) -> Model:
        return (await self.catalog()).registry.models[model_id]

    async def edit(self, edit: Callable[[Catalog], Catalog]) -> Catalog:
        while True:
            before = await self.catalog()
            after = edit(before)
            if after is not before:
                after = after.dated(now_ms())
            if await self._store.replace_catalog(before, after):
                return after

    async def define(self, definition: ModelDefinition, model_id: str = MODEL) -> None:
        await self.edit(lambda catalog: model_edits.put_models(catalog, {model_id: definition}, KEEP_ALL))

    async def has_spread(self) -> None:
        """An edit has reached the trainers by then."""
        await asyncio.sleep(0.5)

    async def delete(self, model_id: str = MODEL) -> None:
        await self.edit(lambda catalog: model_edits.delete_model(catalog, model_id))

    async def live(self, model_id: str = MODEL) -> int:
        """The number of the live snapshot; 0 without one."""
        model = (await self.catalog()).registry.models.get(model_id)
        return model.live.number if model and model.live else 0

    async def trained(self, model_id: str = MODEL) -> Sequence[Trained]:
        """What is stored, in order; the newest with its moves."""
        rows: Mapping[bytes, bytes] = await self.redis.hgetall(keys.snapshots(model_id))  # type: ignore[assignment]
        found = [decode_trained(rows[number]) for number in sorted(rows, key=int)]
        moves = await self.redis.get(keys.moves(model_id))
        if found and moves is not None:
            definition, snapshot = found[-1]
            found[-1] = Trained(definition, with_moves(snapshot, decode_moves(moves)))  # type: ignore[arg-type]
        return found

    async def snapshots(self, model_id: str = MODEL) -> Sequence[Snapshot]:
        return [each.snapshot for each in await self.trained(model_id)]

    async def training(self, model_id: str = MODEL) -> Mapping[str, bytes]:
        rows: Mapping[bytes, bytes] = await self.redis.hgetall(keys.training(model_id))  # type: ignore[assignment]
        return {name.decode(): value for name, value in rows.items()}

    async def backlog(self) -> int | None:
        """As workers are told."""
        told = await self.redis.get(keys.TRAINER)
        return None if told is None else int(orjson.loads(told)["backlog"])

    async def until_live(self, number: int, model_id: str = MODEL) -> None:
        await self.until(lambda: self.live(model_id), number)

    async def until_stored(self, number: int, model_id: str = MODEL) -> None:
        async def newest() -> int:
            return max(map(int, await self.redis.hkeys(keys.snapshots(model_id))), default=0)

        await self.until(newest, number)

    async def until(self, ask: Callable[[], Awaitable[object]], wanted: object) -> None:
        found: object = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := await ask()) != wanted:  # noqa: ASYNC110 - it is of Redis
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{found!r}, never {wanted!r}") from None

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.close()
        await self.redis.aclose()


class Page:
    """The health page of a trainer of this process."""

    def __init__(self, app: FastAPI) -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://trainer")

    async def metric(self, name: str) -> float | None:
        """By its name with labels, as the page has it."""
        rows = (await self._client.get("/metrics")).text.splitlines()
        return next((float(row.rpartition(" ")[2]) for row in rows if row.rpartition(" ")[0] == name), None)

    async def status(self) -> int:
        return (await self._client.get("/readyz")).status_code

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def trainer(scene: Scene, **settings: float) -> AsyncIterator[Page]:
    async with open_app(scene.settings.model_copy(update=settings)) as app:
        page = Page(app)
        yield page
        await page.close()
