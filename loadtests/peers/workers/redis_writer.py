"""How peers write the users' states: one SET for each user, many in a pipeline, without a transaction."""

from collections.abc import Iterable

import redis

APPLIED_KEY = "bench:applied"


class RedisWriter:
    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def write(self, states: Iterable[tuple[str, bytes]], events: int) -> None:
        """Write states by user, and count the events that they hold since the last time."""
        with self._redis.pipeline(transaction=False) as pipe:
            for user_id, state in states:
                pipe.set(f"user:{user_id}", state)
            pipe.incrby(APPLIED_KEY, events)
            pipe.execute()
