"""nginx + Lua + Redis: the yardstick. It reads ready-made answers, and does nothing else."""

import os
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import program
from loadtests.bench.processes import Servers, free_port, listens
from loadtests.bench.redis_server import RedisAt
from loadtests.peers.lookups.contender import Contender

PACKAGES = "nginx libnginx-mod-http-lua lua-nginx-redis"
MODULES = Path("/usr/lib/nginx/modules")
LIBRARY = Path("/usr/share/lua/5.1/nginx/redis.lua")


def start_nginx(servers: Servers, folder: Path, redis: RedisAt, core: int) -> Contender:
    """Started, once it takes connections. Raises BenchError, with the command that installs what is missing."""
    nginx = program("nginx", PACKAGES)
    if not ((MODULES / "ngx_http_lua_module.so").exists() and LIBRARY.exists()):
        raise BenchError(f"nginx has no Lua or no Redis client for it: sudo apt-get install {PACKAGES}")
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(_conf(folder, port, redis.ports[0]))
    server = servers.start("nginx", [nginx, "-c", str(conf), "-p", str(folder), "-e", "stderr"], core)
    server.wait_until(lambda: listens(port))
    return Contender("nginx", server, port, redis.servers)


def _conf(folder: Path, port: int, redis_port: int) -> str:
    text = Path(__file__).with_name("nginx.conf").read_text()
    user = "user root;" if os.getuid() == 0 else ""  # else its worker may not enter the private folder
    values = {"USER": user, "FOLDER": folder, "MODULES": MODULES, "PORT": port, "REDIS_PORT": redis_port}
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text
