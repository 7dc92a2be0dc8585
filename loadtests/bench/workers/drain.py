"""How a run is measured: what a contestant spends from its start until all is applied, less what a start takes.

Everybody fetches ahead, and some read a good part of the backlog before anything is written. Looking from the first
write to the last would make a present of what was done before it. So a short backlog is drained as well: what the long
one takes beyond that is the cost of its further events, of fetching, folding and writing alike.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import load_average
from loadtests.bench.processes import Server
from loadtests.bench.workers.backlog import Topic
from loadtests.bench.workers.contestants import Contestant
from loadtests.bench.workers.measured import Spent
from loadtests.bench.workers.stage import Stage

_PATIENCE_S = 1_800.0
"""For one run, however busy the machine is."""


def drain(stage: Stage, contestant: Contestant, topic: Topic) -> Spent:
    """One run on an emptied Redis, which keeps what came of it. Raises BenchError where the contestant fails."""
    stage.empty_redis(contestant.kept)
    redis_cpu_s, kafka_cpu_s = stage.redis_server.cpu_s(), stage.kafka.cpu_s()
    begun_s = time.monotonic()
    processes = contestant.start(stage, topic.name)
    try:
        rss_bytes = _watch(stage, contestant, processes, topic.events)
        wall_s = time.monotonic() - begun_s
        cpu_s = sum(each.cpu_s() for each in processes)
    finally:
        for each in processes:
            each.stop()
    redis_cpu_s, kafka_cpu_s = stage.redis_server.cpu_s() - redis_cpu_s, stage.kafka.cpu_s() - kafka_cpu_s
    _refuse_if_incomplete(contestant, contestant.users(stage), topic)
    servers_s = redis_cpu_s, kafka_cpu_s
    return Spent(topic.events, wall_s, cpu_s, *servers_s, rss_bytes, load_average(), len(processes))


def _refuse_if_incomplete(contestant: Contestant, users: int, topic: Topic) -> None:
    if users != topic.users:
        raise BenchError(f"{contestant.name} stored {users} users, and the events are of {topic.users}")


def _watch(stage: Stage, contestant: Contestant, processes: Sequence[Server], total: int) -> int:
    """Return once `total` events are applied: the most memory that was seen in use, in bytes."""
    highest_bytes = 0

    def all_applied() -> bool:
        nonlocal highest_bytes
        highest_bytes = max(highest_bytes, sum(_rss_bytes(each.pid) for each in processes))
        return contestant.applied(stage) >= total

    processes[0].wait_until(all_applied, _PATIENCE_S)
    return highest_bytes


def _rss_bytes(pid: int) -> int:
    """The process alone: no contestant has children. See proc(5); 0 where it has ended."""
    found = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) * 1024 if found else 0
