"""One process of the API over a Redis of its own, with users who are in some segments; and what it costs."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from services.local_stack.child_process import start_child, stop_child, wait_until_ready
from services.local_stack.redis_server import RedisServer
from services.runtime.clock import now_ms
from services.segment_api.settings import ApiSettings
from tests.segment_api.crowd import store_all
from tests.segment_api.stored import event
from tests.support.open_loop import Answer, Plan
from tests.support.ports import free_ports
from tests.support.servers import redis_server

TRANCHE = Path(sys.executable).with_name("tranche")
USERS, SEGMENTS = 500, 20
HOUR_MS = 3_600_000
IN_TIME_MS = 10.0
OTHERS = 0.5
"""Processors that other work may take of those there are, until what depends on time cannot be judged."""


@dataclass
class Watched:
    others: float = 0.0
    """Processors that other work had on average."""

    def judge(self, holds: bool, told: str) -> None:
        """Skips where other work may be why something does not hold; what holds nevertheless holds."""
        if not holds and self.others > OTHERS:
            pytest.skip(f"other work took {self.others:.1f} processors: {told}")
        assert holds, told


class ServedApi:
    def __init__(self, redis: RedisServer, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.redis, self._port = redis, port
        self._process = psutil.Process(process.pid)

    def plan(self, rate: float, seconds: float, connections: int = 256, query: str = "") -> Plan:
        paths = [f"/v1/users/u-{number * 7 % USERS}/segments{query}" for number in range(USERS)]
        return Plan(self._port, paths, rate, seconds, connections)

    def cpu_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    @contextmanager
    def watched(self) -> Iterator["Watched"]:
        """Tells, at its end, how much of the processors others had: all but the API, its Redis and the load."""
        watched, began_s, began_cpu_s = Watched(), time.monotonic(), _busy_s() - self.cpu_s() - _children_s()
        yield watched
        cpu_s = _busy_s() - self.cpu_s() - _children_s() - began_cpu_s
        watched.others = cpu_s / (time.monotonic() - began_s)

    def memory_mb(self) -> float:
        return self._process.memory_info().rss / 1e6

    def metric(self, sample: str) -> float:
        text = httpx.get(f"http://127.0.0.1:{self._port}/metrics", trust_env=False).text
        return float(text.partition(f"\n{sample} ")[2].split()[0])

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def define_segments(self) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", trust_env=False) as client:
            for number in range(SEGMENTS):
                definition = {"name": "Visitors", "rule": f"count('visit', within='{number + 1}h') >= {number % 5 + 1}"}
                assert client.put(f"/v1/segments/s-{number}", json=definition).is_success


@contextmanager
def served_api(folder: Path) -> Iterator[ServedApi]:
    (port,) = free_ports(0)
    with redis_server(folder) as redis:
        env = {"TRANCHE_REDIS_URL": redis.url, "TRANCHE_API_PORT": str(port), "TRANCHE_PARTITIONS": "8"}
        process = start_child([str(TRANCHE), "api"], os.environ | env, folder / "api.log")
        try:
            api = ServedApi(redis, process, port)
            wait_until_ready(process, api.is_ready, 60, folder / "api.log")
            api.define_segments()
            asyncio.run(_store_users(redis.url))
            yield api
        finally:
            stop_child(process, 10)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def _children_s() -> float:
    """What the load has taken: of this process, with its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def _store_users(url: str) -> None:
    moment_ms = now_ms()
    names = [f"u-{number}" for number in range(USERS)]
    visits = {name: [event("visit", moment_ms - each * HOUR_MS, name) for each in range(5)] for name in names}
    await store_all(ApiSettings(redis_url=url, partitions=8), visits)


def served(answers: list[Answer]) -> list[Answer]:
    return [each for each in answers if each.status == 200 and not each.is_degraded]


def late(answers: list[Answer]) -> float:
    """The part that took the server too long."""
    return sum(each.server_ms > IN_TIME_MS for each in answers) / len(answers)
