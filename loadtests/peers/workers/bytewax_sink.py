"""How both Bytewax flows end: states go to Redis, each user's newest of a batch, in one pipeline."""

import bytewax.operators as op
from bytewax.operators import KeyedStream
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from loadtests.peers.workers.redis_writer import RedisWriter

Folded = tuple[int, bytes]
"""How many events were folded, and the state after them."""


def write(folded: KeyedStream[Folded], redis_url: str) -> None:
    """End a flow."""
    op.output("redis", folded, _RedisSink(redis_url))


class _Writing(StatelessSinkPartition[tuple[str, Folded]]):
    def __init__(self, redis_url: str) -> None:
        self._writer = RedisWriter(redis_url)

    def write_batch(self, items: list[tuple[str, Folded]]) -> None:
        newest = {user_id: state for user_id, (_, state) in items}
        self._writer.write(newest.items(), sum(events for _, (events, _) in items))


class _RedisSink(DynamicSink[tuple[str, Folded]]):
    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Writing:  # noqa: ARG002 - Bytewax's own
        return _Writing(self._redis_url)
