"""Bytewax tuned for a backlog: what has come of a user is folded at one go, and its state is made once a batch.

`python -m loadtests.peers.workers.bytewax_batches BOOTSTRAP TOPIC GROUP REDIS_URL`. A batch is all that the connector
gives at once: by default 1,000 events of each partition, so up to 64,000 before any of them is in Redis.
"""

import sys
from collections.abc import Iterable

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.run import cli_main

from loadtests.peers.workers.bytewax_sink import Folded, write
from loadtests.peers.workers.features import State, fold, new_state


class _User(StatefulBatchLogic[bytes, Folded, State]):
    def __init__(self, state: State | None) -> None:
        self._state = state or new_state()

    def on_batch(self, values: list[bytes]) -> tuple[Iterable[Folded], bool]:
        for value in values:
            fold(self._state, orjson.loads(value))
        return [(len(values), orjson.dumps(self._state))], StatefulBatchLogic.RETAIN

    def snapshot(self) -> State:
        return self._state


def _keyed(messages: list[KafkaSourceMessage[bytes, bytes]]) -> list[tuple[str, bytes]]:
    return [(message.key.decode(), message.value) for message in messages]


def main() -> None:
    bootstrap, topic, _group, redis_url = sys.argv[1:]
    flow = Dataflow("features")
    messages = op.input("events", flow, KafkaSource([bootstrap], [topic]))
    write(op.stateful_batch("fold", op.flat_map_batch("user", messages, _keyed), _User), redis_url)
    cli_main(flow)


if __name__ == "__main__":
    main()
