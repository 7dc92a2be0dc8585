"""The Redis of the embedded stack: one real redis-server on a data folder, reached over a private unix socket.

Everything that it has answered for survives `stop` and a kill; all but the last seconds survive a power cut. It never
listens on a network.
"""

import fcntl
import math
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.local_stack.child_process import (
    StartFailed,
    holds_within,
    start_child,
    stop_child,
    wait_until_ready,
)
from services.local_stack.redis_binary import RedisBinary, find_redis_binary

_LONGEST_SOCKET_PATH = 100  # bytes; unix(7) allows 108 on Linux, some systems 104
_PATIENCE_S = 30.0
_SYNC_EVERY_S = 1.0
_LOCK_PATIENCE_S = 10.0  # a server whose parent was killed takes a moment to end

_OPTIONS = (
    *("--port", "0"),
    *("--bind", "127.0.0.1"),
    *("--unixsocketperm", "700"),
    *("--appendonly", "yes"),
    # With `everysec` Redis answers before it has written whenever a sync is under way, and a kill then loses what was
    # acknowledged. So it only writes, always before it answers, and what is written is synced from here.
    *("--appendfsync", "no"),
    *("--save", ""),
    *("--maxmemory-policy", "noeviction"),
)


class RedisServer:
    """A redis-server on `data_dir`, which is created when missing. Start it from the main thread (see `start_child`).

    When the server has died, `start` brings it back under the same `url` with the same data.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._private_folder: TemporaryDirectory[str] | None = None
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        """Where clients reach it, as `unix:///…`; fixed from `start` to `stop`."""
        return f"unix://{quote(str(self._socket_path))}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once it answers PING, all of its data loaded, however long that takes.

        Raises StartFailed, with what to do about it, when it cannot run or another one already holds the data folder.
        """
        if self.running:
            return
        binary = find_redis_binary()
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_data_of_a_newer_redis(binary)
        self._choose_socket_folder()
        self._process = self._spawn(binary)
        try:
            wait_until_ready(self._process, lambda: self._ping() != "silent", _PATIENCE_S, self._log_path)
            wait_until_ready(self._process, lambda: self._ping() == "ready", math.inf, self._log_path)
        except BaseException:
            self.stop()
            raise
        self._stopping.clear()
        threading.Thread(target=self._sync, args=[self._process], name="redis-sync", daemon=True).start()

    def stop(self) -> None:
        """End it in order (SIGTERM, then kill after 30 s); nothing is lost. Safe to call twice."""
        self._stopping.set()
        if self._process is not None:
            stop_child(self._process, _PATIENCE_S)
            self._process = None
        if self._private_folder is not None:
            self._private_folder.cleanup()
            self._private_folder = None

    @property
    def _log_path(self) -> Path:
        return self._data_dir / "redis.log"

    @property
    def _socket_path(self) -> Path:
        folder = Path(self._private_folder.name) if self._private_folder else self._data_dir
        return folder / "redis.sock"

    def _sync(self, process: subprocess.Popen[bytes]) -> None:
        """Bring what the server has written to the disk, every second as long as this process of it runs."""
        while process.poll() is None and not self._stopping.wait(_SYNC_EVERY_S):
            for path in (*self._data_dir.glob("appendonly*.aof"), *self._data_dir.glob("appendonlydir/*.aof")):
                with suppress(OSError), path.open("rb") as file:  # a rewrite may take it away at any moment
                    os.fsync(file.fileno())

    def _choose_socket_folder(self) -> None:
        if len(os.fsencode(self._socket_path)) > _LONGEST_SOCKET_PATH:
            self._private_folder = TemporaryDirectory(prefix="tranche-")

    def _refuse_data_of_a_newer_redis(self, binary: RedisBinary) -> None:
        # Redis 6 does not look into this folder: it would start empty, without a word.
        if binary.major < 7 and (self._data_dir / "appendonlydir").exists():
            raise StartFailed(
                f"{self._data_dir} was written by Redis 7 or newer, and only Redis {binary.major} is here: "
                "install Redis 7 or newer, or choose another data folder"
            )

    def _spawn(self, binary: RedisBinary) -> subprocess.Popen[bytes]:
        where = ("--dir", str(self._data_dir), "--unixsocket", str(self._socket_path))
        lock = self._lock_data()
        try:
            return start_child([str(binary.path), *_OPTIONS, *where], os.environ, self._log_path, keep_open=[lock])
        finally:
            os.close(lock)

    def _lock_data(self) -> int:
        # The server inherits the lock and so holds it exactly as long as it lives, even when this process is killed.
        # Two servers would share the socket's name and write over each other's log.
        lock = os.open(self._data_dir / "redis.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if holds_within(_LOCK_PATIENCE_S, lambda: _locked(lock)):
            return lock
        os.close(lock)
        raise StartFailed(f"a Redis already runs on {self._data_dir}: stop it, or choose another data folder")

    def _ping(self) -> str:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                client.ping()
        except redis.BusyLoadingError:
            return "loading"
        except (redis.ConnectionError, redis.TimeoutError):
            return "silent"
        return "ready"


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
