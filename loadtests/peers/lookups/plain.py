"""Starts the obvious service, as its authors would on one core: one uvicorn worker, access log off."""

import sys

from loadtests.bench.processes import Servers, free_port, listens
from loadtests.bench.redis_server import RedisAt
from loadtests.peers.lookups.contender import Contender

_APP = "loadtests.peers.lookups.plain_service:app"


def start_plain(servers: Servers, redis: RedisAt, core: int) -> Contender:
    """Started, once it takes connections. Raises BenchError."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", _APP, "--port", str(port), "--workers", "1", "--no-access-log"]
    env = {"PLAIN_REDIS_URL": redis.url}
    server = servers.start("plain", command, core, env)
    server.wait_until(lambda: listens(port))
    return Contender("plain", server, port, redis.servers)
