"""Load that comes as it does from outside: at its own pace, whether or not what came before is answered.

Each request has a moment when it is due, and what it takes counts from then: a server that lets clients wait
cannot hide it by slowing them down. The load comes from a process of its own, over connections that carry one
request at a time. Moments are of `time.monotonic()`, which all processes of a machine share.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, cast

import msgpack
import orjson
import uvloop

PATIENCE_S = 5.0

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_SERVER_MS = re.compile(rb"\r\nserver-timing: total;dur=([\d.]+)", re.IGNORECASE)


class Answer(NamedTuple):
    due_s: float
    done_s: float
    """The end of the load where no answer came."""
    status: int
    """0 where no answer came, or only a part of it."""
    server_ms: float
    """As the server tells; -1 where it does not."""
    is_degraded: bool

    @property
    def took_ms(self) -> float:
        return (self.done_s - self.due_s) * 1000


@dataclass(frozen=True)
class Plan:
    """`rate` requests a second for `seconds`, to the paths in turn. With `rate` 0 every connection asks again as soon
    as it is answered: that is no open loop, and tells how much a server can do."""

    port: int
    paths: Sequence[str]
    rate: float
    seconds: float
    connections: int = 256
    headers: str = ""


class Load:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def answers(self) -> list[Answer]:
        """What became of each request, once all are over."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0
        return [Answer(*row) for row in msgpack.unpackb(output)]


@contextmanager
def load(plan: Plan) -> Iterator[Load]:
    """Under way as long as the context lasts, at most."""
    command = [sys.executable, "-m", __spec__.name, orjson.dumps(asdict(plan)).decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        try:
            yield Load(process)
        finally:
            process.kill()


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


class _Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self, generator: "_Generator") -> None:
        self._generator = generator
        self._buffer = bytearray()
        self._due_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none, but does the same

    def ask(self, request: bytes, due_s: float) -> None:
        self._due_s = due_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, head_end + 2)
        if head_end < 0 or len(self._buffer) < head_end + 4 + int(length[1] if length else 0):
            return
        told = _SERVER_MS.search(self._buffer, 0, head_end + 2)
        server_ms = float(told[1]) if told else -1.0
        status, is_degraded = int(self._buffer[9:12]), b'"degraded":true' in self._buffer
        self._buffer.clear()
        self._end(status, server_ms, is_degraded)
        self._generator.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._end(0, -1.0, False)
        self._generator.lose(self)

    def _end(self, status: int, server_ms: float, is_degraded: bool) -> None:
        if self._due_s is not None:
            self._generator.answers.append(Answer(self._due_s, time.monotonic(), status, server_ms, is_degraded))
            self._due_s = None


class _Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\n{plan.headers}\r\n"
        self._requests = [f"GET {path} {head}".encode() for path in plan.paths]
        self._idle: list[_Connection] = []
        self._open = 0
        self._due: deque[float] = deque()
        self._asked = 0
        self._opening: set[asyncio.Task[None]] = set()
        self.answers: list[Answer] = []

    async def run(self) -> None:
        begin_s = time.monotonic()
        self._end_s = begin_s + self._plan.seconds
        if self._plan.rate:
            await self._keep_the_pace(begin_s)
        else:
            self._due.extend([begin_s] * self._plan.connections)
            self._send()
            await asyncio.sleep(self._plan.seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._all_answered()
        now_s = time.monotonic()
        self.answers += [Answer(now_s, now_s, 0, -1.0, False)] * self._unanswered

    @property
    def _unanswered(self) -> int:
        return self._asked + len(self._due) - len(self.answers)

    async def _all_answered(self) -> None:
        while self._unanswered:  # noqa: ASYNC110 - an event would cost something for every answer
            await asyncio.sleep(0.01)

    async def _keep_the_pace(self, begin_s: float) -> None:
        total = int(self._plan.rate * self._plan.seconds)
        for number in range(total):
            due_s = begin_s + number / self._plan.rate
            if due_s > time.monotonic():
                self._send()
                await asyncio.sleep(due_s - time.monotonic())
            self._due.append(due_s)
        self._send()

    def free(self, connection: _Connection) -> None:
        self._idle.append(connection)
        if not self._plan.rate and time.monotonic() < self._end_s:
            self._due.append(time.monotonic())
        self._send()

    def lose(self, connection: _Connection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def _send(self) -> None:
        while self._due and self._idle:
            request = self._requests[self._asked % len(self._requests)]
            self._asked += 1
            self._idle.pop().ask(request, self._due.popleft())
        for _ in range(min(len(self._due) - len(self._opening), self._plan.connections - self._open)):
            self._open += 1
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._plan.port)
        except OSError:
            self._open -= 1
        else:
            self.free(connection)


async def _generate(plan: Plan) -> list[Answer]:
    generator = _Generator(plan)
    await generator.run()
    return generator.answers


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgpack.packb(runner.run(_generate(Plan(**orjson.loads(sys.argv[1]))))))
