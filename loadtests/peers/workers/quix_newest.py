"""Quix Streams tuned for a backlog: a sink of our own that keeps each user's newest state alone until the checkpoint.

`python -m loadtests.peers.workers.quix_newest BOOTSTRAP TOPIC GROUP REDIS_URL`.
"""

from typing import Any

import orjson
from quixstreams.sinks.base import BaseSink

from loadtests.peers.workers.quix_flow import folded, run
from loadtests.peers.workers.redis_writer import RedisWriter


class NewestSink(BaseSink):
    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self._writer = RedisWriter(redis_url)
        self._states: dict[bytes, Any] = {}
        self._events = 0

    def add(self, value: Any, key: bytes, *_where: Any, **_names: Any) -> None:
        self._states[key] = value
        self._events += 1

    def flush(self) -> None:
        states = [(key.decode(), orjson.dumps(state)) for key, state in self._states.items()]
        self._writer.write(states, self._events)
        self._states, self._events = {}, 0


if __name__ == "__main__":
    run(folded, NewestSink)
