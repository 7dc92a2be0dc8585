"""A Redis with models in force: they learn from a backlog as they would live. What they learned is kept, no user is."""

import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import orjson

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.product import call
from loadtests.bench.processes import Server, free_port, listens
from loadtests.bench.workers.backlog import Topic
from loadtests.bench.workers.contestants import product_env
from loadtests.bench.workers.segments import Segment
from loadtests.bench.workers.stage import Snapshot, Stage

MODELS = Path(__file__).with_name("models.yaml")
USING: Mapping[str, Segment] = {
    "group-two": {"name": "The second group", "rule": 'cluster("shoppers") == "c2"', "purposes": [1, 3, 4]},
    "most-alike": {"name": "Most alike", "rule": 'score("like-buyers") >= 0.95', "purposes": [1, 3, 4]},
}
"""The segments that name the models."""

_PATIENCE_S = 300.0
_OF_USERS = b"{p"
_TRAINER = b"{tranche:catalog}:trainer"


def put_trained(stage: Stage, segments: Mapping[str, Segment], topic: Topic) -> Snapshot:
    """What Redis holds once the models have learned from a backlog, without its users. Raises BenchError."""
    stage.redis.flushall()
    file, port = stage.folder / "segments-and-models.json", free_port()
    file.write_bytes(orjson.dumps({"segments": {**segments, **USING}}))
    env = {
        **product_env(stage),
        "TRANCHE_KAFKA_TOPIC": topic.name,
        "TRANCHE_KAFKA_GROUP": f"bench-{uuid4().hex}",
        "TRANCHE_API_PORT": str(port),
        "TRANCHE_SEGMENTS": str(file),
        "TRANCHE_MODELS": str(MODELS),
    }
    api = _start(stage, "api", env)
    api.wait_until(lambda: listens(port))
    roles = [api, *(_start(stage, role, env) for role in ("worker", "trainer"))]
    try:
        _wait_until_live(port, roles)
    finally:
        for each in roles:
            each.stop()
    return {key: value for key, value in stage.snapshot().items() if not key.startswith(_OF_USERS) and key != _TRAINER}


def _start(stage: Stage, role: str, env: Mapping[str, str]) -> Server:
    own_port = {} if role == "api" else {f"TRANCHE_{role.upper()}_PORT": str(free_port())}
    return stage.servers.start(f"training-{role}", [str(stage.tranche), role], env={**env, **own_port})


def _wait_until_live(port: int, roles: list[Server]) -> None:
    give_up_s = time.monotonic() + _PATIENCE_S
    while not all(model["live"] for model in call(port, "GET", "/v1/models")["models"]):
        if time.monotonic() > give_up_s:
            logs = "\n".join(each.last_lines() for each in roles)
            raise BenchError(f"the models had not learned enough within {_PATIENCE_S:g} s:\n{logs}")
        time.sleep(0.5)
