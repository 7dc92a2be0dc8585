"""Sets the stage: one Redis, Tranche with users that came in over HTTP, the peers with the same answers ready-made."""

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from redis import Redis

from loadtests.bench.lookups.product import EVENTS_A_REQUEST, Product, answers
from loadtests.bench.machine import Cores
from loadtests.bench.processes import Servers
from loadtests.bench.progress import Progress
from loadtests.bench.redis_server import RedisAt, single_redis
from loadtests.bench.workers.events import Workload, events_of, user_id
from loadtests.bench.workers.segments import segments
from loadtests.peers.lookups.contender import Contender
from loadtests.peers.lookups.nginx import start_nginx
from loadtests.peers.lookups.plain import start_plain
from loadtests.peers.lookups.webdis import start_webdis

EVENTS_A_USER = 5
"""On average: who is asked for more often has done more, as whoever visits more sees more advertisements."""
ACTIVITY_SKEW = 0.5
CONTENDERS = ("nginx", "tranche", "webdis", "plain")


@dataclass(frozen=True)
class Wanted:
    """What is to be compared, and with how much data. `kept` is a folder for the users of one run to serve the next."""

    tranche: Path
    users: int
    segments: int
    contenders: Sequence[str] = CONTENDERS
    kept: Path | None = None

    @property
    def user_ids(self) -> list[str]:
        return [user_id(rank) for rank in range(self.users)]

    @property
    def kept_file(self) -> Path | None:
        return None if self.kept is None else self.kept / f"{self.users}-users-{self.segments}-segments.rdb"


@dataclass(frozen=True)
class Stage:
    """`contenders` are measured at their most; of Tranche that is one without bounds. `tranche` is as by default."""

    tranche: Contender
    contenders: Sequence[Contender]


def set_stage(servers: Servers, folder: Path, cores: Cores, wanted: Wanted) -> Stage:
    """Everything started and filled. Raises BenchError."""
    redis = _redis_with(wanted.kept_file, servers, folder, cores)
    product = Product(servers, wanted.tranche, redis)
    file = write_segments(folder, wanted.segments)
    tranche = product.start_api(cores.server, file)
    if wanted.kept_file is None or not wanted.kept_file.exists():
        feed(product, tranche, wanted.users)
    with Redis(port=redis.ports[0]) as client:
        store_ready_made(client, answers(tranche.port, wanted.user_ids))
        _keep(client, folder / "redis" / "dump.rdb", wanted.kept_file)
    starts = {
        "tranche": partial(product.start_api, cores.server, file, unbounded=True),
        "nginx": partial(start_nginx, servers, folder, redis, cores.server),
        "webdis": partial(start_webdis, servers, folder, redis, cores.server),
        "plain": partial(start_plain, servers, redis, cores.server),
    }
    return Stage(tranche, [starts[name]() for name in wanted.contenders])


def write_segments(folder: Path, count: int) -> Path:
    file = folder / "segments.json"
    file.write_text(json.dumps({"segments": segments(count)}))
    return file


def feed(product: Product, tranche: Contender, users: int) -> None:
    """Have the users' events of the last day taken in and applied. Raises BenchError."""
    workload = Workload(users * EVENTS_A_USER, users, ACTIVITY_SKEW, end_ms=int(time.time() * 1000))
    progress = Progress("events taken in", workload.events)
    product.feed(tranche.port, _in_batches(events_of(workload)), progress)


def store_ready_made(redis: Redis, found: Iterable[dict[str, Any]]) -> None:
    """Store Tranche's answers as the peers read them: whole for those that only read, the segments for the one that
    filters."""
    found = iter(found)
    while some := list(islice(found, 1000)):
        redis.mset({f"bare:{each['user_id']}": _compact(each) for each in some})
        redis.mset({f"json:{each['user_id']}": _compact(each["segments"]) for each in some})


def _redis_with(kept: Path | None, servers: Servers, folder: Path, cores: Cores) -> RedisAt:
    home = folder / "redis"
    home.mkdir()
    if kept is not None and kept.exists():
        shutil.copy(kept, home / "dump.rdb")
    return single_redis(servers, folder, cores.load)


def _keep(redis: Redis, dump: Path, kept: Path | None) -> None:
    if kept is not None and not kept.exists():
        redis.save()
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(dump, kept)


def _in_batches(events: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(events, EVENTS_A_REQUEST)):
        yield batch


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
