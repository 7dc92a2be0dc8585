"""The whole product as `tranche up` starts it, driven from outside: through HTTP, signals and its event log."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

from services.local_stack.child_process import holds_within, last_lines, start_child, stop_child, wait_until_ready
from services.local_stack.redis_server import RedisServer
from services.runtime.event_log.kafka import KafkaLog
from services.runtime.event_log.opening import open_writer
from services.runtime.event_log.port import DeadLetter, Message
from services.runtime.settings import Settings
from services.segmentation.events import Event, encode_event
from services.segmentation.partitions import partition_of
from tests.support.event_logs import EmbeddedLog, KafkaTopics
from tests.support.ports import free_ports
from tests.support.processes import command_of, status_of

PATIENCE_S = 60.0
MAX_EVENTS, MAX_USERS = 500, 1_000  # in one request
TRANCHE = Path(sys.executable).with_name("tranche")


class Product:
    """`tranche up` on `data_dir` with settings from `env`. Start it from the main thread."""

    def __init__(self, data_dir: Path, env: Mapping[str, str], *, workers: int = 1) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir / "up.log"
        self._settings = dict(env)
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Return once it has said `ready`. Raises StartFailed with the end of what it printed."""
        self.api_port, collector_port = free_ports(0, 1)
        self._process = self._spawn(self.api_port, collector_port, options)
        try:
            wait_until_ready(self._process, self._has_said_ready, PATIENCE_S, self.log_path)
        except BaseException:
            stop_child(self._process, PATIENCE_S)
            raise
        self.api = _client(self.api_port)
        self.collector = _client(collector_port)

    def refusal(self, *options: str, api_port: int | None = None) -> str:
        """What it says when it refuses to start, which it must do with exit code 1."""
        free_port, collector_port = free_ports(0, 1)
        process = self._spawn(api_port or free_port, collector_port, options)
        try:
            assert holds_within(PATIENCE_S, lambda: process.poll() is not None)
        finally:
            stop_child(process, PATIENCE_S)
        assert process.returncode == 1
        return self.log_path.read_text().strip().removeprefix("tranche: ")

    def stop(self) -> int:
        """Ask it to end; its exit code. It is killed, which is another code, when it takes a minute."""
        assert self._process is not None
        self.api.close()
        self.collector.close()
        stop_child(self._process, PATIENCE_S)
        return self._process.returncode

    def _spawn(self, api_port: int, collector_port: int, options: Sequence[str]) -> "subprocess.Popen[bytes]":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path.write_bytes(b"")
        ports = ("--api-port", str(api_port), "--collector-port", str(collector_port))
        command = [str(TRANCHE), "up", *ports, "--data-dir", str(self.data_dir), "--workers", str(self._workers)]
        return start_child([*command, *options], {**os.environ, **self._settings}, self.log_path)

    @property
    def settings(self) -> Settings:
        """What a role of it is told."""
        redis_url = {"redis_url": RedisServer(self.data_dir / "redis").url}
        told = {name.removeprefix("TRANCHE_").lower(): value for name, value in self._settings.items()}
        return Settings.model_validate(redis_url | told)

    # Events in.

    def send(self, events: Sequence[Event | Mapping[str, Any]]) -> None:
        """Have the log take events, in order."""
        for begin in range(0, len(events), MAX_EVENTS):
            some = events[begin : begin + MAX_EVENTS]
            answer = self.collector.post("/v1/events", content=_json_array(some))
            assert (answer.status_code, answer.json()["rejected"]) == (202, []), answer.text

    def produce(self, value: bytes, *, user: str, partition: int | None = None) -> None:
        """Write straight to the log, as a foreign producer does; to the user's own partition by default."""
        home = partition_of(user, self.settings.partitions)
        message = Message(home if partition is None else partition, user.encode(), value)
        asyncio.run(_append(self.settings, message))

    def dead_letters(self) -> Sequence[DeadLetter]:
        """All that its workers put aside, with others' on a shared Kafka."""
        told = self.settings
        if told.kafka_bootstrap is None:
            return asyncio.run(EmbeddedLog(told.redis_url, told.partitions).dead_letters())
        topics = KafkaTopics(told.kafka_bootstrap, told.partitions)
        topics.log = KafkaLog(told.kafka_bootstrap)
        return asyncio.run(topics.dead_letters())

    def wait_applied(self, patience_s: float = PATIENCE_S) -> None:
        assert holds_within(patience_s, lambda: self.status()["lag"] == 0), self.condition()

    # Segments.

    def define(self, **rules: str) -> None:
        """Put segments by id and wait until every stored membership knows them."""
        for segment_id, rule in rules.items():
            self.put(segment_id, rule)
        self.wait_refreshed()

    def put(self, segment_id: str, rule: str, purposes: Sequence[int] = ()) -> None:
        definition = {"name": segment_id, "rule": rule, "purposes": list(purposes)}
        answer = self.api.put(f"/v1/segments/{segment_id}", json=definition)
        assert answer.is_success, answer.text

    def delete(self, segment_id: str) -> None:
        assert self.api.delete(f"/v1/segments/{segment_id}").status_code == 204

    def delete_all(self) -> None:
        for each in self.api.get("/v1/segments").json()["segments"]:
            self.delete(each["id"])

    def wait_refreshed(self) -> None:
        def refreshed() -> bool:
            status = self.status()
            return bool(status["refreshed"] == status["catalog_version"])

        assert holds_within(PATIENCE_S, refreshed), self.condition()

    # Answers out.

    def status(self) -> dict[str, Any]:
        """`/v1/status`; a lag of -1 while it has no answer."""
        status: dict[str, Any] = {"lag": -1, "refreshed": -1, "catalog_version": 0, "partitions": []}
        with suppress(httpx.HTTPError):
            answer = self.api.get("/v1/status")
            if answer.is_success:
                status = answer.json()
        return status

    def lookup(self, user: str, at: int | None = None, space: str = "default") -> dict[str, Any]:
        """The answer, which is not a degraded one: a busy machine may miss a deadline of milliseconds."""
        parameters = {"space": space} | ({} if at is None else {"at": str(at)})
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            answer = self.api.get(f"/v1/users/{user}/segments", params=parameters)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            if not found["degraded"] or time.monotonic() > deadline_s:
                assert not found["degraded"]
                return found

    def segments(self, user: str, at: int | None = None, space: str = "default") -> list[str]:
        return [each["id"] for each in self.lookup(user, at, space)["segments"]]

    def lookup_many(self, users: Sequence[str], at: int, space: str = "default") -> dict[str, dict[str, Any]]:
        """Whole answers by user, of those whose latest event is no later than `at`."""
        results = [
            each
            for begin in range(0, len(users), MAX_USERS)
            for each in self._lookup_some(users[begin : begin + MAX_USERS], at, space)
        ]
        return {each["user_id"]: each for each in results if "error" not in each}

    def _lookup_some(self, users: Sequence[str], at: int, space: str) -> list[dict[str, Any]]:
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            answer = self.api.post("/v1/lookup", json={"user_ids": users, "at": at, "space": space})
            assert answer.status_code == 200, answer.text
            results: list[dict[str, Any]] = answer.json()["results"]
            degraded = [each for each in results if each["degraded"]]
            if not degraded or time.monotonic() > deadline_s:
                assert degraded == []
                return results

    # Its processes.

    def is_ready(self, client: httpx.Client) -> bool:
        try:
            return client.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def roles(self, name: str) -> list[psutil.Process]:
        """The processes of a role, e.g. `worker`."""
        return [each for each in self.children() if command_of(each)[-2:] == [str(TRANCHE), name]]

    def redis(self) -> psutil.Process:
        [process] = [each for each in self.children() if "redis-server" in " ".join(command_of(each)[:1])]
        return process

    def children(self) -> list[psutil.Process]:
        assert self._process is not None
        return [each for each in psutil.Process(self._process.pid).children(recursive=True) if status_of(each)]

    def kill(self, role: str) -> None:
        """Kill one process of a role and wait until another is in its place."""
        before = self.roles(role)
        before[0].send_signal(signal.SIGKILL)
        back = holds_within(PATIENCE_S, lambda: len(set(self.roles(role)) - {before[0]}) == len(before))
        assert back, self.condition()

    def condition(self) -> str:
        """What to know of it when something does not happen: the ends of its logs, and its status."""
        logs = [self.log_path, *sorted((self.data_dir / "logs").glob("*.log"))]
        return "\n".join(f"{path}:\n{last_lines(path)}" for path in logs) + f"\n{self.status()}"

    def _has_said_ready(self) -> bool:
        return b"ready" in self.log_path.read_bytes().splitlines()


@contextmanager
def running(product: Product, *options: str) -> Iterator[Product]:
    product.start(*options)
    try:
        yield product
    finally:
        product.stop()


def _client(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)


def _json_array(events: Sequence[Event | Mapping[str, Any]]) -> bytes:
    parts = [encode_event(each) if isinstance(each, Event) else orjson.dumps(each) for each in events]
    return b"[%s]" % b",".join(parts)


async def _append(settings: Settings, message: Message) -> None:
    writer = await open_writer(settings)
    try:
        await writer.append([message])
    finally:
        await writer.close()
