"""Catalogs with models, and what is in the log of samples, in a few words."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, NamedTuple, cast

import orjson

from services.runtime.event_log.embedded_names import SAMPLES
from services.runtime.event_log.opening import SAMPLE_PARTITIONS
from services.runtime.event_log.port import Message
from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, step
from services.segmentation.events import Fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.model_edits import publish, put_models
from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.samples import Told, told_in
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Linear, Snapshot, Trained
from services.segmentation.models.wire import encode_trained
from services.segmentation.wire import keys

FEATURES = {"views": "count('view')", "buys": "count('buy')"}


class Heard(NamedTuple):
    """A record of the log of samples."""

    model: str
    digest: str
    told: Told


def definition(kind: str = "cluster", **content: Any) -> ModelDefinition:
    featured = {} if kind == "rfm" else {"features": FEATURES}
    return MODEL.validate_python({"name": "m", "kind": kind, **featured, **content})


def with_models(catalog: Catalog, **definitions: ModelDefinition) -> Catalog:
    return put_models(catalog, definitions, KEEP_ALL)


def trained(model: str, of: ModelDefinition, number: int, score: float) -> Trained:
    """It says the same of everybody."""
    names = tuple(FEATURES)
    body = Linear((0.0,) * len(names), 0.0, ((0.0, score),))
    scale = Scale((0.0,) * len(names), (1.0,) * len(names))
    return Trained(of, Snapshot(model, number, of.digest, names, scale, body, 10, 0))


def published(catalog: Catalog, model: str, number: int, score: float) -> Catalog:
    """With a snapshot live, and at hand."""
    after = publish(catalog, {model: number})
    snapshot = trained(model, catalog.registry.models[model].definition, number, score)
    return after.with_registry(after.registry.with_trained({model: snapshot}))


async def store_snapshot(redis: RedisClient, catalog: Catalog, model: str) -> None:
    """That which is live, as its trainer does."""
    snapshot = catalog.registry.trained[model]
    await redis.hset(keys.snapshots(model), str(snapshot.snapshot.version), encode_trained(snapshot))


def after(state: UserState, *facts: Fact, catalog: Catalog) -> UserState:
    return step(state, facts, catalog, KEEP_ALL, UTC)


def heard(message: Message) -> Heard:
    digest, row = orjson.loads(message.value)
    return Heard(message.key.decode(), digest, told_in(row))


async def samples_in(redis: RedisClient) -> list[Heard]:
    """Those in the embedded log, in order within each model."""
    found = []
    for partition in range(SAMPLE_PARTITIONS):
        entries = cast("list[tuple[bytes, Mapping[bytes, bytes]]]", await redis.xrange(SAMPLES.key(partition)))
        found += [heard(Message(partition, fields[b"k"], fields[b"v"])) for _, fields in entries]
    return found
