"""One role of the stack as a child process that is started again whenever it ends."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from services.local_stack.child_process import StartFailed, holds_within, last_lines, start_child, stop_child
from services.local_stack.ports import free_port, reachable

START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 15.0
_SETTLED_S = 2.0
_LONGEST_DELAY_S = 2.0


class Role:
    """`tranche NAME` on loopback, ready once its /readyz says so, or says that it works on all that it can.

    Without a `port` each start takes a free one, as it does when its port is taken and it `may_move`. `first_env` is
    for the first start alone.
    """

    def __init__(
        self,
        name: str,
        port: int | None,
        env: Mapping[str, str],
        log_path: Path,
        first_env: Mapping[str, str] | None = None,
        *,
        may_move: bool = False,
    ) -> None:
        self.name = name
        self._wanted_port, self._may_move, self._port = port or 0, may_move or port is None, 0
        self._env, self._log_path = {**os.environ, **env}, log_path
        self._first_env = first_env or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._quick_ends = 0

    def start(self) -> None:
        self._port = free_port(self._wanted_port) if self._may_move else self._wanted_port
        env = {**self._env, **self._first_env, f"TRANCHE_{self.name.upper()}_PORT": str(self._port)}
        command = Path(sys.executable).with_name("tranche")
        self._process = start_child([str(command), self.name], env, self._log_path)
        self._first_env = {}
        self._started_s = time.monotonic()

    def wait_until_ready(self) -> None:
        """Raises StartFailed, with the end of its log, when it ends first or takes too long."""
        settled = holds_within(START_PATIENCE_S, lambda: self._ended() or self.ready())
        if not settled or self._ended():
            raise StartFailed(f"tranche {self.name} did not start; the end of {self._log_path}:\n{self._last_lines()}")

    @property
    def url(self) -> str:
        """Where this machine reaches it, since its latest start."""
        return f"http://{reachable(self._env.get('TRANCHE_HOST', ''))}:{self._port}"

    def ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.is_success or _only_waits_for_repair(answer)

    def keep_alive(self) -> bool:
        """Start it again if it has ended, later and later when it ends right away; whether it was started."""
        if not self._ended():
            return False
        now_s = time.monotonic()
        lived_s = now_s - self._started_s
        delay_s = 0.0 if lived_s > _SETTLED_S else min(0.25 * 2**self._quick_ends, _LONGEST_DELAY_S)
        if lived_s < delay_s:
            return False
        self._quick_ends = 0 if lived_s > _SETTLED_S else self._quick_ends + 1
        self.start()
        return True

    def stop(self) -> None:
        if self._process is not None:
            stop_child(self._process, STOP_PATIENCE_S)

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _last_lines(self) -> str:
        return last_lines(self._log_path)


def _only_waits_for_repair(answer: httpx.Response) -> bool:
    """Whether a worker does its work but for what it has stopped, which is repaired while the others run."""
    try:
        told = answer.json()
    except ValueError:
        return False
    return isinstance(told, dict) and bool(told.get("stopped")) and told.get("missing") == told["stopped"]
