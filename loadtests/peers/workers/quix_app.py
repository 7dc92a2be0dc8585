"""Quix Streams as its documentation has it: a stateful function over its state store, and the Redis sink that it ships.

`python -m loadtests.peers.workers.quix_app BOOTSTRAP TOPIC GROUP REDIS_URL`. The sink keeps the state after each event
until the checkpoint, and then writes each of them.
"""

import orjson

from loadtests.peers.workers.quix_flow import folded, run
from loadtests.peers.workers.quix_sink import CountedRedisSink

if __name__ == "__main__":
    run(folded, lambda redis_url: CountedRedisSink(redis_url, orjson.dumps))
