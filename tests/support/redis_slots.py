"""Hash slots of a Redis Cluster on their way from one node to another, as `redis-cli --cluster reshard` moves them."""

import time
from collections.abc import Iterable, Sequence

import redis

from services.local_stack.child_process import holds_within
from tests.support.redis_nodes import RedisNode, slots

AT_ONCE = 10
PATIENCE_S = 60.0


def slots_of(node: RedisNode, among: Iterable[str]) -> list[int]:
    """Those of the slots of some keys that the node serves."""
    with node.client() as client:
        mine = client.cluster("MYID")
        served = [range(first, last + 1) for first, last, (_host, _port, name, *_), *_ in slots(client) if name == mine]
        wanted = sorted({int(client.cluster("KEYSLOT", key)) for key in among})
    return [slot for slot in wanted if any(slot in each for each in served)]


def move_slot(slot: int, source: RedisNode, target: RedisNode, others: Sequence[RedisNode], pause_s: float) -> None:
    """A few keys at a time, and a pause; both nodes serve the slot meanwhile. Waits while the cluster is down."""
    with source.client() as giving, target.client() as taking:
        giver, taker = giving.cluster("MYID"), taking.cluster("MYID")
        taking.cluster("SETSLOT", slot, "IMPORTING", giver)
        giving.cluster("SETSLOT", slot, "MIGRATING", taker)

        def is_empty() -> bool:
            names = giving.cluster("GETKEYSINSLOT", slot, AT_ONCE)
            try:
                if names:
                    giving.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *names)
            except redis.ResponseError:
                pass
            time.sleep(pause_s)
            return not names

        assert holds_within(PATIENCE_S, is_empty)
    for node in (target, source, *others):
        with node.client() as client:
            client.cluster("SETSLOT", slot, "NODE", taker)
