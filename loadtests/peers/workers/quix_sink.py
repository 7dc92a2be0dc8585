"""The Redis sink that Quix Streams ships, as it is, and a count of what it has written."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from quixstreams.sinks.base import SinkBatch
from quixstreams.sinks.community.redis import RedisSink

from loadtests.peers.workers.redis_writer import RedisWriter


class CountedRedisSink(RedisSink):
    """Events are counted when all that a checkpoint holds is written, in one INCRBY."""

    def __init__(self, redis_url: str, serializer: Callable[[Any], bytes]) -> None:
        where = urlsplit(redis_url)
        super().__init__(where.hostname, where.port, int(where.path.strip("/")), serializer)
        self._counter, self._events = RedisWriter(redis_url), 0

    def write(self, batch: SinkBatch) -> None:
        super().write(batch)
        self._events += batch.size

    def flush(self) -> None:
        super().flush()
        self._counter.write((), self._events)
        self._events = 0
