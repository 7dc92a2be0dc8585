"""The machine of a Redis that keeps an append-only file loses power: what it had not brought to the disk is gone.

A kill alone does not show it, for what was written outlives the process.
"""

import time
from pathlib import Path
from random import Random

import pytest

from tests.faults.redis.scene import Scene, under_load, watermarks
from tests.support.redis_nodes import RedisNode, redis_node

UNSYNCED_S = 2.0
"""Redis syncs every second, and may be a second late."""
TIMES = 20

pytestmark = [pytest.mark.timeout(1_800), pytest.mark.long]


def test_the_loss_of_the_last_two_seconds_changes_nothing(tmp_path: Path, kafka_bootstrap: str) -> None:
    options = "--appendonly yes --appendfsync everysec --aof-load-truncated yes"
    with redis_node(tmp_path / "redis", options) as redis, under_load(tmp_path, kafka_bootstrap, redis.url) as scene:
        lost = 0
        for _ in range(TIMES):
            scene.pause(1)
            lost += lose_power(scene, redis)
            scene.recovered("power loss")
        assert lost > 0


def lose_power(scene: Scene, redis: RedisNode) -> int:
    """How many records it had applied that it no longer knows of."""
    file = newest_file(redis)
    synced_bytes = file.stat().st_size
    time.sleep(UNSYNCED_S)
    applied = watermarks(redis)
    redis.kill()
    kept_bytes = cut(file, synced_bytes, scene.random)
    redis.start()
    lost = applied - watermarks(redis)
    scene.note(f"lost {lost} applied records and the file after byte {kept_bytes}")
    return lost


def cut(file: Path, at_least_bytes: int, random: Random) -> int:
    """Anywhere after that, in the middle of a command most times."""
    size_bytes = random.randrange(at_least_bytes, file.stat().st_size)
    with file.open("r+b") as writable:
        writable.truncate(size_bytes)
    return size_bytes


def newest_file(redis: RedisNode) -> Path:
    """Since version 7 Redis keeps a base, and what came after it in files of their own."""
    files = [*redis.folder.glob("appendonly.aof"), *redis.folder.glob("appendonlydir/*.incr.aof")]
    return max(files, key=lambda each: each.stat().st_mtime)
