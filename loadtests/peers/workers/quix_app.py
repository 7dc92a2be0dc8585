"""Quix Streams: a stateful function over its own state store, and a sink that writes to Redis at each checkpoint.

`python -m loadtests.peers.workers.quix_app BOOTSTRAP TOPIC GROUP REDIS_URL`; no changelog topic, as it is faster.
"""

import sys
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from quixstreams import Application, State
from quixstreams.sinks import BaseSink

from loadtests.peers.workers.features import Event, fold, new_state
from loadtests.peers.workers.redis_writer import RedisWriter

_COMMIT_EVERY_S = 1.0


class RedisSink(BaseSink):
    """Keeps the newest state of each user until the checkpoint."""

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self._redis_url = redis_url
        self._states: dict[bytes, Any] = {}
        self._events = 0

    def setup(self) -> None:
        self._writer = RedisWriter(self._redis_url)

    def add(self, value: Any, key: bytes, *_where: Any, **_names: Any) -> None:
        self._states[key] = value
        self._events += 1

    def flush(self) -> None:
        states = [(key.decode(), orjson.dumps(state)) for key, state in self._states.items()]
        self._writer.write(states, self._events)
        self._states, self._events = {}, 0


def _folded(event: Event, state: State) -> Any:
    user = state.get("user") or new_state()
    fold(user, event)
    state.set("user", user)
    return user


def main() -> None:
    bootstrap, topic, group, redis_url = sys.argv[1:]
    with TemporaryDirectory() as folder:
        app = Application(
            bootstrap,
            consumer_group=group,
            auto_offset_reset="earliest",
            commit_interval=_COMMIT_EVERY_S,
            state_dir=folder,
            use_changelog_topics=False,
            loglevel="WARNING",
        )
        stream = app.dataframe(app.topic(topic, value_deserializer="json"))
        stream.apply(_folded, stateful=True).sink(RedisSink(redis_url))
        app.run()


if __name__ == "__main__":
    main()
