"""Starts servers on the cores they are told, and stops them. What a comparison runs begins here and ends with it."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtests.bench.cpu import cpu_s
from loadtests.bench.errors import BenchError

_PR_SET_PDEATHSIG = 1
_STOP_PATIENCE_S = 10.0


class Server:
    """A running process, its output in `log`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self._process, self._log = name, process, log

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_s(self) -> float:
        """CPU that it has used so far with its children, seconds. Raises BenchError when it has ended."""
        try:
            return cpu_s(self.pid)
        except ProcessLookupError:
            raise BenchError(f"{self.name} has ended; the end of its log:\n{self.last_lines()}") from None

    def wait_until(self, ready: Callable[[], bool], patience_s: float = 60.0) -> None:
        """Return once `ready()` holds. Raises BenchError when the process ends before, or it takes too long."""
        give_up_s = time.monotonic() + patience_s
        while not ready():
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                raise BenchError(f"{self.name} did not get ready; the end of its log:\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_lines(self, count: int = 20) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-count:])


class Servers:
    """A context: leaving it stops all that were started, the latest first. Logs go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(
        self, name: str, command: Sequence[str], core: int | None = None, env: Mapping[str, str] | None = None
    ) -> Server:
        """Start `command` on `core`, or wherever there is room, with `env` beside this process's environment."""
        log = self._folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - commands are the comparison's own
                command,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=before_exec(core),  # noqa: PLW1509 - two system calls, looked up before the fork
            )
        server = Server(name, process, log)
        self._stack.callback(server.stop)
        return server


def before_exec(core: int | None) -> Callable[[], None]:
    """What a child does before it becomes its program: go to its core, and ask to be ended with its parent."""
    prctl = ctypes.CDLL(None).prctl

    def settle() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return settle


def free_port() -> int:
    """A TCP port of loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something takes connections on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
