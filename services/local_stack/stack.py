"""The whole product on one machine: Redis unless one is given, and every role as a child process."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.local_stack.child_process import StartFailed
from services.local_stack.ports import is_free
from services.local_stack.redis_server import RedisServer
from services.local_stack.role import Role

_LAST_PORT = 65_535


@dataclass(frozen=True)
class StackOptions:
    api_port: int
    collector_port: int
    data_dir: Path
    segments: Path | None = None
    workers: int = 1
    models: Path | None = None

    @property
    def worker_ports(self) -> list[int]:
        """Where workers tell their metrics: on the ports after the collector's; 0 stands for any."""
        after = (port for port in range(self.collector_port + 1, _LAST_PORT + 1) if port != self.api_port)
        return [next(after, 0) for _ in range(self.workers)]


class Stack:
    """Start it, call `keep_alive` several times a second, stop it. All from the main thread."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._redis = None if os.environ.get("TRANCHE_REDIS_URL") else RedisServer(options.data_dir / "redis")
        self._roles: list[Role] = []
        self._logs = options.data_dir / "logs"

    def start(self) -> None:
        """Return once every role that serves is ready. Raises StartFailed; nothing is left running then."""
        self._refuse_taken_ports()
        self._make_folders()
        try:
            if self._redis is not None:
                self._redis.start()
            self._put_old_logs_aside()
            self._roles = list(self._make_roles())
            for role in self._roles:
                role.start()
            for role in self._roles:
                role.wait_until_ready()
            self._start_trainer()
        except BaseException:
            self.stop()
            raise
        if self._redis is not None:
            _say(f"Redis is at {self._redis.url}: TRANCHE_REDIS_URL for `tranche repair` and `tranche dlq`")
        workers = " ".join(f"{role.url}/metrics" for role in self._roles if role.name == "worker")
        _say(f"workers tell their metrics at {workers}")

    def keep_alive(self) -> None:
        """Bring back what has died."""
        if self._redis is not None and not self._redis.running:
            _say("redis-server ended; starting it again")
            try:
                self._redis.start()
            except StartFailed as error:
                _say(str(error))
                return
        for role in self._roles:
            if role.keep_alive():
                _say(f"{role.name} ended; started it again")

    def stop(self) -> None:
        """Stop the roles, those that take events first, then Redis."""
        for role in self._roles:
            role.stop()
        if self._redis is not None:
            self._redis.stop()

    def _refuse_taken_ports(self) -> None:
        # Else whoever listens there would answer for the role that waits to be ready.
        if self._options.api_port == self._options.collector_port:
            raise StartFailed("the API and the collector need a port each")
        for port in (self._options.api_port, self._options.collector_port):
            if not is_free(port):
                raise StartFailed(f"something already listens on port {port}: stop it, or choose another port")

    def _make_folders(self) -> None:
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartFailed(f"the data folder cannot be used: {error}") from None

    def _put_old_logs_aside(self) -> None:
        # What is shown of a failed start should be this start's. Only once Redis runs: until then another stack may
        # hold the data folder, and the logs be its own.
        for log in self._logs.glob("*.log"):
            log.replace(log.with_suffix(".log.old"))

    def _start_trainer(self) -> None:
        # Nothing waits for what it does, so nobody waits for it: it would only keep the others from their start.
        trainer = Role("trainer", None, self._shared_env, self._logs / "trainer.log")
        trainer.start()
        self._roles.append(trainer)

    @property
    def _shared_env(self) -> dict[str, str]:
        return {"TRANCHE_REDIS_URL": self._redis.url} if self._redis else {}

    def _make_roles(self) -> Iterator[Role]:
        options, shared = self._options, self._shared_env
        files = {"TRANCHE_SEGMENTS": options.segments, "TRANCHE_MODELS": options.models}
        definitions = {name: str(file.resolve()) for name, file in files.items() if file is not None}
        yield Role("collector", options.collector_port, shared, self._logs / "collector.log")
        yield Role("api", options.api_port, shared, self._logs / "api.log", definitions)
        for index, port in enumerate(options.worker_ports):
            worker = {"TRANCHE_WORKERS": str(options.workers), "TRANCHE_WORKER_INDEX": str(index)}
            yield Role("worker", port, shared | worker, self._logs / f"worker-{index}.log", may_move=True)
        if os.environ.get("TRANCHE_WEBHOOKS"):
            yield Role("webhooks", None, shared, self._logs / "webhooks.log")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the supervisor talks to whoever started it
