"""Faults of a single Redis and of the way to it, one after the other under load."""

from pathlib import Path

import pytest

from tests.faults.redis import faults
from tests.faults.redis.faults import Fault
from tests.faults.redis.scene import under_load
from tests.support.redis_replicas import replicated_redis

TIMES, FAILOVERS = 10, 25

pytestmark = pytest.mark.timeout(1_800)


def test_a_bad_day_changes_nothing(tmp_path: Path, kafka_bootstrap: str) -> None:
    """One fault after the other, in any order."""
    with replicated_redis(tmp_path / "redis") as redis, under_load(tmp_path, kafka_bootstrap, redis.url) as scene:
        for fault in scene.random.sample(faults.QUICK, len(faults.QUICK)):
            fault(scene, redis)
            scene.recovered(fault.__name__)


@pytest.mark.long
@pytest.mark.parametrize("fault", faults.EVERY, ids=lambda fault: fault.__name__)
def test_a_fault_again_and_again_changes_nothing(tmp_path: Path, kafka_bootstrap: str, fault: Fault) -> None:
    with replicated_redis(tmp_path / "redis") as redis, under_load(tmp_path, kafka_bootstrap, redis.url) as scene:
        for _ in range(FAILOVERS if "failover" in fault.__name__ else TIMES):
            scene.pause(1)
            fault(scene, redis)
            scene.recovered(fault.__name__)
