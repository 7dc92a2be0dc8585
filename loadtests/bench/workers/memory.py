"""What users take in Redis: the memory that it uses more than before there were any, and which keys take it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from redis import Redis

from loadtests.bench.workers.backlog import write_backlog
from loadtests.bench.workers.contestants import put_segments, tranche
from loadtests.bench.workers.drain import drain
from loadtests.bench.workers.events import Workload, events_of
from loadtests.bench.workers.measured import Memory, kind_of, retained
from loadtests.bench.workers.segments import SEGMENTS, segments
from loadtests.bench.workers.stage import Stage


def measure(stage: Stage, what: str, workload: Workload) -> Memory:
    """Have a workload's users stored by Tranche with fifty segments. Raises BenchError."""
    kept = put_segments(stage, segments(SEGMENTS))
    topic = write_backlog(stage.bootstrap, f"memory.{what.replace(' ', '-')}", events_of(workload))
    stage.empty_redis(kept)
    empty_bytes = _used_bytes(stage.redis)
    drain(stage, tranche(kept), topic)
    used_bytes = _used_bytes(stage.redis) - empty_bytes
    return Memory(what, topic.users, retained(events_of(workload)), used_bytes, _by_kind(stage.redis))


def _by_kind(redis: Redis) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for key in redis.scan_iter(count=1000):
        totals[kind_of(key)] += redis.memory_usage(key, samples=0) or 0
    return dict(totals)


def _used_bytes(redis: Redis) -> int:
    redis.memory_purge()
    found: Mapping[str, Any] = redis.info("memory")
    return int(found["used_memory"])
