"""The faults one by one: each brings something about, ends it, and leaves the rest to the product."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from services.local_stack.child_process import holds_within
from services.stream_worker.app import REDIS_TIMEOUT_S
from tests.faults.redis.scene import Scene, watermarks
from tests.faults.redis.wires import Chance, CommandsRepeated, RepliesLost, RepliesRepeated, RepliesSwallowed, every
from tests.support.proxy import Wire
from tests.support.redis_replicas import Replicated

EVERY_TENTH = 10
LASTING_S = 1.5
ANY_SEGMENT = {"name": "More", "rule": "count('view') > 1"}
FULL = "Redis is full (maxmemory): applying waits"


def replies_lost(scene: Scene, redis: Replicated) -> None:
    with _wired(scene, redis, RepliesLost, every(EVERY_TENTH)):
        time.sleep(LASTING_S)


def replies_swallowed(scene: Scene, redis: Replicated) -> None:
    with _wired(scene, redis, RepliesSwallowed, lambda: scene.random.random() < 0.002):  # each costs some seconds
        time.sleep(LASTING_S)


def replies_repeated(scene: Scene, redis: Replicated) -> None:
    with _wired(scene, redis, RepliesRepeated, every(EVERY_TENTH)):
        time.sleep(LASTING_S)


def commands_repeated(scene: Scene, redis: Replicated) -> None:
    with _wired(scene, redis, CommandsRepeated, every(EVERY_TENTH)):
        time.sleep(LASTING_S)


def connections_cut(scene: Scene, redis: Replicated) -> None:
    for _ in range(5):
        scene.pause(0.5)
        redis.front.cut()


def silence(scene: Scene, redis: Replicated) -> None:
    """Longer than anybody waits for a reply."""
    redis.front.stall()
    time.sleep(REDIS_TIMEOUT_S + 1)
    redis.front.resume()


def lateness(scene: Scene, redis: Replicated) -> None:
    redis.front.delay_s = 0.03
    time.sleep(LASTING_S)
    redis.front.delay_s = 0.0


def failover(scene: Scene, redis: Replicated) -> None:
    """Of a replica that is behind by up to two seconds, and by one write at least."""
    _fall_behind(scene, redis)
    _fail_over(scene, redis)


def failover_at_rest(scene: Scene, redis: Replicated) -> None:
    """The same, which nobody notices: no command fails, and the next ones find another state than they left."""
    _fall_behind(scene, redis)
    with scene.at_rest():
        _fail_over(scene, redis)


def _fall_behind(scene: Scene, redis: Replicated) -> None:
    applied = watermarks(redis.primary)
    redis.fall_behind()
    assert holds_within(10, lambda: watermarks(redis.primary) > applied), scene.product.condition()
    scene.pause(2)


def _fail_over(scene: Scene, redis: Replicated) -> None:
    applied = watermarks(redis.primary)
    lost_bytes = redis.fail_over()
    lost = applied - watermarks(redis.primary)
    assert lost > 0
    scene.note(f"lost {lost_bytes} bytes and {lost} applied records")
    redis.replace()


def full(scene: Scene, redis: Replicated) -> None:
    """Redis refuses to grow: the workers say so and wait, nothing is evicted, and lookups go on."""
    with redis.primary.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
        assert holds_within(10, lambda: FULL in scene.missing()), scene.product.condition()
        before = watermarks(redis.primary), client.dbsize()
        time.sleep(LASTING_S)
        assert (watermarks(redis.primary), client.dbsize()) == before
        assert client.info("stats")["evicted_keys"] == 0
        assert scene.product.lookup("u-1")["degraded"] is False
        assert scene.product.api.put("/v1/segments/more", json=ANY_SEGMENT).status_code == 503
        client.config_set("maxmemory", 0)


Fault = Callable[[Scene, Replicated], None]

QUICK: tuple[Fault, ...] = (replies_lost, replies_repeated, failover_at_rest, full)
EVERY = (*QUICK, replies_swallowed, commands_repeated, connections_cut, silence, lateness, failover)


@contextmanager
def _wired(scene: Scene, redis: Replicated, wire: Callable[[Chance], Wire], chance: Chance) -> Iterator[None]:
    """Connections that are made meanwhile behave so; the others end, before and after."""
    happened: list[bool] = []

    def noted() -> bool:
        happened.append(chance())
        return happened[-1]

    redis.front.wire = partial(wire, noted)
    redis.front.cut()
    applied = watermarks(redis.primary)
    yield
    assert holds_within(60, lambda: any(happened))  # how often Redis is asked depends on the machine
    applied = watermarks(redis.primary) - applied
    scene.note(f"{sum(happened)} of {len(happened)} went wrong, and {applied} records were applied meanwhile")
    redis.front.wire = Wire
    redis.front.cut()
