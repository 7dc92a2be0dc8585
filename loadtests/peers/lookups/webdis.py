"""webdis: Redis behind HTTP, in C. A lookup is its `GET /GET/KEY.txt` of a ready-made answer."""

import json
from pathlib import Path

from loadtests.bench.machine import program
from loadtests.bench.processes import Servers, free_port, listens
from loadtests.bench.redis_server import RedisAt
from loadtests.peers.lookups.contender import Contender


def start_webdis(servers: Servers, folder: Path, redis: RedisAt, core: int) -> Contender:
    """Started, once it takes connections. Raises BenchError."""
    port = free_port()
    conf = folder / "webdis.json"
    settings = {
        "redis_host": "127.0.0.1",
        "redis_port": redis.ports[0],
        "http_host": "127.0.0.1",
        "http_port": port,
        "threads": 1,  # it has one core
        "pool_size": 16,
        "daemonize": False,
        "verbosity": 0,
        "logfile": str(folder / "webdis.out"),
        "acl": [{"disabled": ["*"]}, {"enabled": ["GET"]}],
    }
    conf.write_text(json.dumps(settings))
    server = servers.start("webdis", [program("webdis", "webdis"), str(conf)], core)
    server.wait_until(lambda: listens(port))
    return Contender("webdis", server, port, redis.servers, prefix="/GET/bare:", suffix=".txt")
