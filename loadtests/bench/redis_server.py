"""Real Redis for one comparison: on free ports of loopback, in folders of their own, and nothing is kept."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import program
from loadtests.bench.processes import Server, Servers, free_port, listens

_PRIMARIES = 3


@dataclass(frozen=True)
class RedisAt:
    """Redis servers that serve one set of data, and how a service is told of them."""

    servers: Sequence[Server]
    ports: Sequence[int]
    url: str


def start_redis(
    servers: Servers, folder: Path, core: int | None, name: str = "redis", options: Sequence[str] = ()
) -> tuple[Server, int]:
    """The server and its port, once it takes connections. Raises BenchError."""
    port = free_port()
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    command = [program("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    kept = ["--dir", str(home), "--save", "", "--appendonly", "no"]
    server = servers.start(name, [*command, *kept, *options], core)
    server.wait_until(lambda: listens(port))
    return server, port


def single_redis(servers: Servers, folder: Path, core: int) -> RedisAt:
    """Raises BenchError."""
    server, port = start_redis(servers, folder, core)
    return RedisAt([server], [port], f"redis://127.0.0.1:{port}/0")


def redis_cluster(servers: Servers, folder: Path, core: int) -> RedisAt:
    """Three primaries on one core, once they agree. Raises BenchError."""
    options = ("--cluster-enabled", "yes", "--cluster-port")
    started = [
        start_redis(servers, folder, core, f"redis-{number}", (*options, str(free_port())))
        for number in range(_PRIMARIES)
    ]
    ports = [port for _, port in started]
    places = [f"127.0.0.1:{port}" for port in ports]
    _cli("--cluster", "create", *places, "--cluster-yes")
    started[0][0].wait_until(
        lambda: all("cluster_state:ok" in _cli("-p", str(port), "cluster", "info") for port in ports)
    )
    return RedisAt([server for server, _ in started], ports, f"redis+cluster://{','.join(places)}")


def _cli(*arguments: str) -> str:
    command = [program("redis-cli", "redis-tools"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own servers
    if done.returncode:
        raise BenchError(f"redis-cli {' '.join(arguments)} failed: {done.stderr or done.stdout}")
    return done.stdout
