"""What trainings of every kind really leave is told as the OpenAPI document says, and rules take it at its word."""

from random import Random
from typing import Any

import httpx
import jsonschema
import pytest

from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import MODEL
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.samples import Outcome, Sample
from services.segmentation.models.snapshots import Trained
from services.segmentation.models.wire import encode_moves, encode_trained
from services.segmentation.training.opening import begin
from services.segmentation.wire import keys
from tests.segment_api.models.test_clusters import moves
from tests.segment_api.models.test_models import details, put_model
from tests.segment_api.models.trainer import DAY, FEATURES, Trainer
from tests.segment_api.running import put

EARLY = {"warm_up": 50, "publish_every": 50}
NOW = DAY * 86_400_000
KINDS: dict[str, dict[str, Any]] = {
    "cluster": {"kind": "cluster", "features": FEATURES, "parameters": {"n_clusters": 2}},
    "rfm": {"kind": "rfm"},
    "lookalike": {"kind": "lookalike", "seed": "seed", "features": FEATURES},
    "propensity": {"kind": "propensity", "features": FEATURES, "within": "1h"},
    "anomaly": {"kind": "anomaly", "features": FEATURES},
}
TERMS = {"cluster": "cluster('m') == 'c1'", "rfm": "rfm('m', 'r') >= 4"}


def trained(definition: dict[str, Any]) -> Trained:
    """After two hundred samples of a hundred users, half of whom do a lot."""
    model, random = MODEL.validate_python(definition), Random(1)
    training = begin("m", model, recipe_of(model, KEEP_ALL).names)
    for number in range(200):
        user, at_ms = number % 100, NOW + number * 600_000
        much = user % 2 + random.random() / 4
        vector = (int(much * 1e6), 1 + user % 7, much * 50) if model.kind == "rfm" else (much,)
        training.learn(Sample(user, at_ms, vector, much > 1 if model.kind == "lookalike" else None))
        if model.kind == "propensity" and much > 1:
            training.learn(Outcome(user, at_ms + 1))
        if number == 60:
            training.publish()
    snapshot = training.publish()
    assert snapshot is not None
    return Trained(model, snapshot)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_learned_is_told_as_documented(client: httpx.AsyncClient, trainer: Trainer, kind: str) -> None:
    definition = {"name": "M", **EARLY, **KINDS[kind]}
    await put(client, "seed", "count('view') >= 2")
    assert (await put_model(client, "m", definition)).status_code == 201
    learned = trained(definition)
    await trainer.write("m", learned.snapshot.version, encode_trained(learned))
    await trainer.redis.set(keys.moves("m"), encode_moves(learned.snapshot))
    await trainer.publish("m", learned.snapshot.version)
    told = await details(client, "m")
    document = (await client.get("/openapi.json")).json()
    schema = {**document["components"]["schemas"]["ModelDetails"], "components": document["components"]}
    jsonschema.validate(told, schema)
    assert (told["state"], told["live"]["samples"]) == ("live", learned.snapshot.samples)
    assert told["stored"] == [
        {"number": learned.snapshot.version, "at": learned.snapshot.at_ms, "samples": learned.snapshot.samples}
    ]
    shown = {"cluster": "clusters", "rfm": "classes"}.get(kind, "curve")
    assert told[shown]
    assert (await put(client, "meant", TERMS.get(kind, "score('m') >= 0.5"))).json()["warnings"] == []
    if kind in TERMS:
        assert (await moves(client, "m"))["users"] > 0
