"""A rolling upgrade: the previous release and this one work side by side, in both directions, and lose nobody."""

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from random import Random

import msgpack
import pytest
from redis import Redis

from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES, Load, compare_every_user
from tests.support.seeds import random_of_this_run
from tests.support.servers import redis_server

PREVIOUS = "df82a42"
"""The last commit that wrote profiles with codec 3."""

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The previous release's code, out of this repository's own history."""
    folder = tmp_path / "previous"
    folder.mkdir()
    archive = subprocess.run(["git", "archive", PREVIOUS, "services"], cwd=CHECKOUT, capture_output=True, check=False)
    if archive.returncode:
        reason = f"the previous release is not in this checkout's history: {archive.stderr.decode().strip()}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    subprocess.run(["tar", "x", "-C", folder], input=archive.stdout, check=True)
    return folder


@pytest.mark.long
def test_workers_of_both_releases_share_the_partitions_and_take_over_from_each_other(
    tmp_path: Path, kafka_bootstrap: str, previous: Path
) -> None:
    random = random_of_this_run()
    load = Load(Random(random.getrandbits(64)))
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path))
        env = {"TRANCHE_PARTITIONS": "8", "TRANCHE_REDIS_URL": redis.url, **kafka_env(kafka_bootstrap)}
        old = Product(tmp_path / "old", env | {"PYTHONPATH": str(previous)})
        new = Product(tmp_path / "new", env | {"TRANCHE_PROFILE_CODEC": "3"})
        with running(old):
            old.define(**RULES)
            send_some(old, load)
            old.wait_applied()
            stack.enter_context(running(new))
            for product in (old, new, old, new):
                send_some(product, load)
            old.put("settled", "tenure() >= '89m'")
            new.put("settled", RULES["settled"])
            new.wait_applied()
        compare_every_user(new, load, random)
        with running(old):  # the way back
            new.stop()
            send_some(old, load)
            compare_every_user(old, load, random)
            new.start()
        compare_every_user(new, load, random)
        assert codecs(redis.url) == {3}
        new.stop()
        alone = Product(tmp_path / "new", env)
        with running(alone):
            send_some(alone, load)
            compare_every_user(alone, load, random)
        assert codecs(redis.url) in ({4}, {3, 4}), "users without further events stay as they are"


def codecs(redis_url: str) -> set[int]:
    """Of all stored profiles."""
    with Redis.from_url(redis_url) as redis:
        return {msgpack.unpackb(redis.get(key) or b"", strict_map_key=False)[0] for key in redis.scan_iter("{p*}:s:*")}


def send_some(product: Product, load: Load) -> None:
    for _ in range(10):
        product.send(load.next_batch(60))
