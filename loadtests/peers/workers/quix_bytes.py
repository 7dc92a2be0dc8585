"""As `quix_app`, but the sink gets each state as bytes. Python's garbage collector has nothing to look for in what the
sink keeps then; otherwise it goes through all states since the last checkpoint again and again.

`python -m loadtests.peers.workers.quix_bytes BOOTSTRAP TOPIC GROUP REDIS_URL`.
"""

import orjson
from quixstreams import State

from loadtests.peers.workers.features import Event
from loadtests.peers.workers.quix_flow import folded, run
from loadtests.peers.workers.quix_sink import CountedRedisSink


def _as_bytes(event: Event, state: State) -> bytes:
    return orjson.dumps(folded(event, state))


if __name__ == "__main__":
    run(_as_bytes, lambda redis_url: CountedRedisSink(redis_url, bytes))
