"""What a trainer would have stored, put into Redis by hand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from services.runtime.redis_client import connect
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.keep import KEEP_ALL
from services.segmentation.model_edits import publish
from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import (
    Body,
    Classes,
    ClusterFacts,
    Clusters,
    Happening,
    Linear,
    Move,
    Snapshot,
    Trained,
    Trait,
)
from services.segmentation.models.wire import encode_moves, encode_trained
from services.segmentation.wire import keys

T = 1_732_240_000_000
"""Early on a UTC day."""
DAY = 20_049
"""That day."""
FEATURES = {"views": "decayed('view', halflife='1d')"}
PEOPLE: dict[str, Any] = {"name": "People", "kind": "cluster", "features": FEATURES}
LIKELY: dict[str, Any] = {"name": "Likely", "kind": "propensity", "features": FEATURES}
SPENT: dict[str, Any] = {"name": "Spent", "kind": "rfm"}

FACTS = (
    ClusterFacts("c1", "few views", 30, 0.75, 0.1, 0.5, (), (), 1),
    ClusterFacts("c3", "many views", 10, 0.25, 0.0, 0.4, (Trait("views", 7.5, 3.0, 1.25),), ((2.0,), (None,)), 2),
)
MOVES = (Move(DAY - 1, "c1", "c3", 4), Move(DAY, "c1", "c1", 6), Move(DAY, "c1", "c3", 2), Move(DAY, "c3", "c1", 1))
CLUSTERS = Clusters(
    ((0.0,), (0.7,)),
    ("c1", "c3"),
    facts=FACTS,
    happenings=(Happening(2, T - 5, "split", "c3", ("c1",)),),
    moves=MOVES,
    retired=("c2",),
    next_id=4,
)
"""Who viewed once is in c3, who never did is in c1."""
SWAPPED = replace(CLUSTERS, ids=("c3", "c1"))
CURVE = Linear((1.0,), 0.0, ((0.0, 0.0), (1.0, 1.0)))
CLASSES = Classes(
    (1, 2, 3, 4),
    (1.0, 2.0, 3.0, 4.0),
    (10.0, 20.0, 30.0, 40.0),
    (Move(DAY, "543", "443", 3), Move(DAY, "511", "555", 1)),
)


class Trainer:
    def __init__(self, settings: ApiSettings) -> None:
        self.redis = connect(settings.redis_url, timeout_s=5)
        self._store = CatalogStore(self.redis, watched_catalog(self.redis))

    async def store(self, model_id: str, definition: Mapping[str, Any], number: int, body: Body) -> None:
        """A snapshot which has learned as many samples as ten times its number."""
        model: ModelDefinition = MODEL.validate_python(definition)
        names = recipe_of(model, KEEP_ALL).names
        scale = Scale((0.0,) * len(names), (1.0,) * len(names))
        snapshot = Snapshot(model_id, number, model.digest, names, scale, body, number * 10, T + number)
        await self.write(model_id, number, encode_trained(Trained(model, snapshot)))
        await self.redis.set(keys.moves(model_id), encode_moves(snapshot))

    async def write(self, model_id: str, number: int, data: bytes) -> None:
        await self.redis.hset(keys.snapshots(model_id), str(number), data)

    async def publish(self, model_id: str, number: int) -> int:
        """The version of the catalog from which on it says something."""
        return (await self._store.change(lambda catalog: publish(catalog, {model_id: number}))).after.version

    async def learn(self, model_id: str, definition: Mapping[str, Any], number: int, body: Body) -> int:
        await self.store(model_id, definition, number, body)
        return await self.publish(model_id, number)

    async def note(self, model_id: str, definition: Mapping[str, Any], samples: int) -> None:
        digest = MODEL.validate_python(definition).digest
        place = keys.training(model_id)
        await self.redis.hset(place, items=["definition", digest, "samples", samples, "at_ms", T, "state", "{}"])

    async def tell(self, backlog: int) -> None:
        await self.redis.set(keys.TRAINER, orjson.dumps({"backlog": backlog, "at_ms": T}))

    async def close(self) -> None:
        await self.redis.aclose()
