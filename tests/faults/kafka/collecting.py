"""A collector in a process of its own under load, and what became of every event that was sent to it."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.local_stack.child_process import start_child, stop_child, wait_until_ready
from tests.behaviour.product import PATIENCE_S, TRANCHE
from tests.support.ports import free_ports

EVERY_S = 0.02
BATCH = 100  # events


@dataclass(frozen=True)
class Answer:
    """What became of one request. `status` is 0 where no answer came."""

    sent_s: float
    took_s: float
    status: int
    retry_after: str | None
    event_ids: Sequence[str]


@dataclass
class Collector:
    process: psutil.Process
    url: str
    answers: list[Answer] = field(default_factory=list)
    most_bytes: int = 0
    """What the process held in memory at most while it was under load."""

    async def load(self, seconds: float) -> None:
        """Send a batch every 20 ms, whether or not those before are answered."""
        random, until_s = Random(), time.monotonic() + seconds
        limits = httpx.Limits(max_connections=None)
        client = httpx.AsyncClient(base_url=self.url, timeout=30, limits=limits, trust_env=False)
        async with client, asyncio.TaskGroup() as sending:
            while time.monotonic() < until_s:
                sending.create_task(self._send(client, [_event(random) for _ in range(BATCH)]))
                self.most_bytes = max(self.most_bytes, self.process.memory_info().rss)
                await asyncio.sleep(EVERY_S)

    async def _send(self, client: httpx.AsyncClient, events: Sequence[dict[str, Any]]) -> None:
        sent_s, status, retry_after = time.monotonic(), 0, None
        with suppress(httpx.HTTPError):
            answer = await client.post("/v1/events", content=orjson.dumps(events))
            status, retry_after = answer.status_code, answer.headers.get("retry-after")
        ids = [each["event_id"] for each in events]
        self.answers.append(Answer(sent_s, time.monotonic() - sent_s, status, retry_after, ids))

    def taken(self) -> set[str]:
        """The ids that were answered with 202."""
        return {each for answer in self.answers if answer.status == 202 for each in answer.event_ids}


@contextmanager
def collector(folder: Path, env: dict[str, str]) -> Iterator[Collector]:
    [port] = free_ports(0)
    url, log_path = f"http://127.0.0.1:{port}", folder / "collector.log"
    settings = {**os.environ, **env, "TRANCHE_COLLECTOR_PORT": str(port)}
    process = start_child([str(TRANCHE), "collector"], settings, log_path)
    try:
        wait_until_ready(process, lambda: _is_ready(url), PATIENCE_S, log_path)
        yield Collector(psutil.Process(process.pid), url)
    finally:
        stop_child(process, PATIENCE_S)


async def ids_in_the_log(bootstrap: str, topic: str, partitions: int) -> set[str]:
    """The ids of all events that the topic holds."""
    everywhere = [TopicPartition(topic, partition) for partition in range(partitions)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign(everywhere)
        missing = sum((await consumer.end_offsets(everywhere)).values())
        found: set[str] = set()
        while missing > 0:
            batches = await consumer.getmany(timeout_ms=10_000)
            assert batches, f"{missing} records do not come"
            values = [orjson.loads(each.value) for batch in batches.values() for each in batch]
            found |= {value["event_id"] for value in values}
            missing -= len(values)
        return found


def _event(random: Random) -> dict[str, Any]:
    properties = {"category": "shoes", "item_id": f"p{random.randrange(1000)}", "value": 5}
    user = f"u-{random.randrange(100_000)}"
    return {"event_id": f"{random.getrandbits(96):x}", "user_id": user, "type": "view", "properties": properties}


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
