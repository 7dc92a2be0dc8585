"""Bytewax as its guide has it: a stateful map gives each user's state after every event, and a sink writes it to Redis.

`python -m loadtests.peers.workers.bytewax_events BOOTSTRAP TOPIC GROUP REDIS_URL`; without recovery, which is faster.
"""

import sys

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from loadtests.peers.workers.bytewax_sink import Folded, write
from loadtests.peers.workers.features import Event, State, fold, new_state


def _folded(state: State | None, event: Event) -> tuple[State, Folded]:
    state = state or new_state()
    fold(state, event)
    return state, (1, orjson.dumps(state))


def main() -> None:
    bootstrap, topic, _group, redis_url = sys.argv[1:]
    flow = Dataflow("features")
    messages = op.input("events", flow, KafkaSource([bootstrap], [topic]))
    events = op.map("decode", messages, lambda message: orjson.loads(message.value))
    keyed = op.key_on("user", events, lambda event: event["user_id"])
    write(op.stateful_map("fold", keyed, _folded), redis_url)
    cli_main(flow)


if __name__ == "__main__":
    main()
