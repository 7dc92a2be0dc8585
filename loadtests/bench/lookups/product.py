"""Tranche as an operator runs it: one process a role, told by settings, spoken to over HTTP."""

import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from loadtests.bench.errors import BenchError
from loadtests.bench.processes import Server, Servers, free_port
from loadtests.bench.progress import Progress
from loadtests.bench.redis_server import RedisAt
from loadtests.peers.lookups.contender import Contender

EVENTS_A_REQUEST = 500
USERS_A_REQUEST = 250  # a batch has a deadline too, and the machine may be busy
_PATIENCE_S = 60.0
_UNBOUNDED = {
    "TRANCHE_LOOKUP_DEADLINE_MS": "60000",
    "TRANCHE_BATCH_DEADLINE_MS": "60000",
    "TRANCHE_MAX_READS_IN_FLIGHT": "4096",
}
_TRIES = 50


class Product:
    """Roles of one Tranche on a Redis. `tranche` is its command. Raises BenchError where there is none."""

    def __init__(self, servers: Servers, tranche: Path, redis: RedisAt, name: str = "tranche") -> None:
        if not tranche.exists():
            raise BenchError(f"there is no {tranche}: run `make install`, or name the command with --tranche")
        self._servers, self._tranche, self._redis, self._name = servers, tranche, redis, name
        self._settings = {"TRANCHE_REDIS_URL": redis.url}

    def start_api(self, core: int, segments: Path, *, unbounded: bool = False) -> Contender:
        """The API on one core with the segments of a file, once it is ready.

        Unbounded it has no deadlines, nor turns away whom it could not answer within them, as the peers have none:
        what it turns away is no lookup, and so what it could do would not show.
        """
        bounds = _UNBOUNDED if unbounded else {}
        server, port = self._start("api", {"TRANCHE_SEGMENTS": str(segments), **bounds}, core)
        return Contender(self._name, server, port, self._redis.servers)

    def feed(self, api_port: int, events: Iterable[Sequence[dict[str, Any]]], progress: Progress) -> None:
        """Take events in through a collector and a worker, which end when all is applied."""
        collector, collector_port = self._start("collector", {})
        worker, _ = self._start("worker", {})
        for batch in events:
            _send(collector_port, batch)
            progress.add(len(batch))
        _wait_until_applied(api_port)
        collector.stop()
        worker.stop()

    def _start(self, role: str, settings: dict[str, str], core: int | None = None) -> tuple[Server, int]:
        port = free_port()
        env = {**self._settings, **settings, f"TRANCHE_{role.upper()}_PORT": str(port)}
        server = self._servers.start(f"{self._name}-{role}-{port}", [str(self._tranche), role], core, env)
        server.wait_until(lambda: _is_ready(port))
        return server, port


def answers(api_port: int, user_ids: Sequence[str]) -> Iterable[dict[str, Any]]:
    """What Tranche answers for each user now, in order. Raises BenchError."""
    for begin in range(0, len(user_ids), USERS_A_REQUEST):
        some = user_ids[begin : begin + USERS_A_REQUEST]
        yield from _whole_answers(api_port, some)


def _whole_answers(api_port: int, user_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Raises BenchError where the machine is too busy for them."""
    for _ in range(_TRIES):
        results: list[dict[str, Any]] = call(api_port, "POST", "/v1/lookup", {"user_ids": user_ids})["results"]
        if not any(each["degraded"] for each in results):
            return results
        time.sleep(0.2)
    raise BenchError(f"the answers to {len(user_ids)} users stay degraded: is something else using the machine?")


def call(port: int, method: str, path: str, body: Any = None) -> Any:
    """The JSON that a server on loopback answers. Raises BenchError for no success, OSError where it is away."""
    status, content = exchange(port, method, path, None if body is None else json.dumps(body).encode())
    if status >= 300:
        raise BenchError(f"{method} {path} was answered {status}: {content[:500].decode(errors='replace')}")
    return json.loads(content)


def exchange(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def default_command() -> Path:
    """The product of this checkout, or the one that is installed beside the running Python."""
    checkout = Path(__file__).parents[3] / ".venv" / "bin" / "tranche"
    return checkout if checkout.exists() else Path(sys.executable).with_name("tranche")


def _is_ready(port: int) -> bool:
    try:
        return exchange(port, "GET", "/readyz")[0] == 200
    except OSError:
        return False


def _send(collector_port: int, events: Sequence[dict[str, Any]]) -> None:
    """Raises BenchError where an event is not taken. A log that is full is waited for."""
    body = json.dumps(events).encode()
    while (answer := exchange(collector_port, "POST", "/v1/events", body))[0] == HTTPStatus.SERVICE_UNAVAILABLE:
        time.sleep(1)
    status, content = answer
    if status != HTTPStatus.ACCEPTED or json.loads(content)["rejected"]:
        raise BenchError(f"the collector did not take all events: {status} {content[:500].decode(errors='replace')}")


def _wait_until_applied(api_port: int) -> None:
    """Raises BenchError where nothing moves for a while."""
    least, give_up_s = math.inf, time.monotonic() + _PATIENCE_S
    while (lag := _lag(api_port)) > 0:
        if lag < least:
            least, give_up_s = lag, time.monotonic() + _PATIENCE_S
        if time.monotonic() > give_up_s:
            raise BenchError(f"{least:,.0f} events wait, and none was applied for {_PATIENCE_S:.0f} s")
        time.sleep(0.5)


def _lag(api_port: int) -> float:
    """Events that are not applied yet; infinite where the API is too busy to tell."""
    status, content = exchange(api_port, "GET", "/v1/status")
    return float(json.loads(content)["lag"]) if status == HTTPStatus.OK else math.inf
