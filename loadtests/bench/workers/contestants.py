"""Who drains the backlog: how each is started, and how far it is.

All get the same Kafka topic, an emptied Redis, one core, and a consumer group of their own for each run.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import orjson

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.product import call
from loadtests.bench.processes import Server, free_port, listens
from loadtests.bench.workers.measured import PEERS
from loadtests.bench.workers.segments import Segment
from loadtests.bench.workers.stage import PARTITIONS, Snapshot, Stage
from loadtests.peers.workers.redis_writer import APPLIED_KEY


@dataclass(frozen=True)
class Contestant:
    name: str
    start: Callable[[Stage, str], Sequence[Server]]
    """On a topic."""
    applied: Callable[[Stage], int]
    """Events whose effect is in Redis."""
    users: Callable[[Stage], int]
    """Users whose state is in Redis."""
    kept: Snapshot = field(default_factory=dict)
    """What has to be in Redis before."""


def put_segments(stage: Stage, segments: dict[str, Segment]) -> Snapshot:
    """Have the product's API store the segments in an emptied Redis: what Redis holds then. Raises BenchError."""
    stage.redis.flushall()
    port, file = free_port(), stage.folder / "segments.json"
    file.write_bytes(orjson.dumps({"segments": segments}))
    env = {**product_env(stage), "TRANCHE_API_PORT": str(port), "TRANCHE_SEGMENTS": str(file)}
    api = stage.servers.start("api", [str(stage.tranche), "api"], env=env)
    api.wait_until(lambda: listens(port))
    taken = len(call(port, "GET", "/v1/segments")["segments"])
    api.stop()
    if taken != len(segments):
        raise BenchError(f"the API took {taken} of {len(segments)} segments:\n{api.last_lines()}")
    return stage.snapshot()


def tranche(
    kept: Snapshot, *, name: str = "tranche", workers: int = 1, settings: Mapping[str, str] | None = None
) -> Contestant:
    """So many `tranche worker` in one group. A single one has a core of its own; several take what there is."""

    def start(stage: Stage, topic: str) -> Sequence[Server]:
        env = {
            **product_env(stage),
            "TRANCHE_KAFKA_TOPIC": topic,
            "TRANCHE_KAFKA_GROUP": f"bench-{uuid4().hex}",
            **(settings or {}),
        }
        core = stage.cores.server if workers == 1 else None
        command = [str(stage.tranche), "worker"]
        return [
            stage.servers.start(f"{name}-{index}", command, core, {**env, "TRANCHE_WORKER_PORT": str(free_port())})
            for index in range(workers)
        ]

    return Contestant(name, start, _watermarks, _members, kept)


def peer(name: str) -> Contestant:
    """One of PEERS, in the environment of the bench itself."""

    def start(stage: Stage, topic: str) -> Sequence[Server]:
        command = [sys.executable, "-m", f"loadtests.peers.workers.{PEERS[name]}"]
        where = [stage.bootstrap, topic, f"bench-{uuid4().hex}", stage.redis_url]
        return [stage.servers.start(name, [*command, *where], stage.cores.server, {"TMPDIR": str(stage.folder)})]

    return Contestant(name, start, _counted, _states)


def product_env(stage: Stage) -> dict[str, str]:
    """Where every role finds the log and Redis."""
    return {"TRANCHE_KAFKA_BOOTSTRAP": stage.bootstrap, "TRANCHE_REDIS_URL": stage.redis_url}


def _watermarks(stage: Stage) -> int:
    """Records that Tranche has applied: its watermark of each partition is the offset of the next one."""
    marks = stage.redis.mget([f"{{p{partition:02d}}}:wm" for partition in range(PARTITIONS)])
    return sum(int(mark or 0) for mark in marks)


def _counted(stage: Stage) -> int:
    return int(stage.redis.get(APPLIED_KEY) or 0)


def _members(stage: Stage) -> int:
    return sum(stage.redis.zcard(f"{{p{partition:02d}}}:users") for partition in range(PARTITIONS))


def _states(stage: Stage) -> int:
    return stage.redis.dbsize() - 1  # beside them there is the count of events alone
