"""The drill of docs/runbook.md: Redis is lost, yesterday's snapshot is put in its place, and the log does the rest."""

import os
import shutil
import time
from pathlib import Path
from random import Random

import redis

from services.local_stack.child_process import holds_within, start_child, stop_child, wait_until_ready
from services.local_stack.redis_binary import find_redis_binary
from services.local_stack.redis_server import RedisServer
from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES, Load, applied, compare_every_user, sending
from tests.support.seeds import random_of_this_run
from tests.support.servers import redis_server


def test_a_restored_snapshot_and_the_log_make_every_user_what_he_was(tmp_path: Path, kafka_bootstrap: str) -> None:
    random = random_of_this_run()
    load = Load(Random(random.getrandbits(64)))
    with redis_server(tmp_path) as server:
        env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_REDIS_URL": server.url, **kafka_env(kafka_bootstrap)}
        with running(Product(tmp_path / "up", env)) as product:
            product.define(**RULES)
            with sending(product, load):
                assert holds_within(30, lambda: applied(product) > 1_000), product.condition()
                dump = snapshot(server, tmp_path / "backup.rdb")
                at_backup = applied(product)
                assert holds_within(30, lambda: applied(product) > at_backup + 1_000), product.condition()
                lose_everything(server, tmp_path / "redis")
                restore(dump, tmp_path / "redis")
                server.start()
            compare_every_user(product, load, random)


def snapshot(server: RedisServer, into: Path) -> Path:
    """A copy of what Redis holds now, while it serves."""
    with redis.Redis.from_url(server.url) as client:
        before = client.lastsave()
        time.sleep(1.0)  # its time has whole seconds
        client.bgsave()
        assert holds_within(30, lambda: client.lastsave() != before)
        folder = Path(client.config_get("dir")["dir"])
    return Path(shutil.copy(folder / "dump.rdb", into))


def lose_everything(server: RedisServer, folder: Path) -> None:
    server.stop()
    shutil.rmtree(folder)


def restore(dump: Path, folder: Path) -> None:
    """Load the snapshot without an append-only file, then have Redis write one that its next start reads."""
    folder.mkdir()
    shutil.copy(dump, folder / "dump.rdb")
    socket, log = folder / "restore.sock", folder / "restore.log"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--appendonly", "no", "--save", ""]
    process = start_child([str(find_redis_binary().path), *options], os.environ, log)
    try:
        with redis.Redis(unix_socket_path=str(socket)) as client:
            wait_until_ready(process, lambda: answers(client), 30, log)
            assert client.dbsize() > 0
            client.config_set("appendonly", "yes")
            assert holds_within(30, lambda: is_written(client))
    finally:
        stop_child(process, 30)


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False


def is_written(client: "redis.Redis") -> bool:
    told = client.info("persistence")
    return not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"] and bool(told["aof_enabled"])
