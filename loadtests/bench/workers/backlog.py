"""The backlog that every contestant drains: written to the topic once, before anything is measured."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from loadtests.bench.errors import BenchError
from loadtests.bench.workers.events import Json
from loadtests.bench.workers.partitions import partition_of
from loadtests.bench.workers.stage import PARTITIONS

_PATIENCE_S = 60.0
_QUEUE_MESSAGES = 100_000
_SERVE_EVERY = 5_000
_ERRORS = 3  # of syslog(3): the client tells of every end otherwise


@dataclass(frozen=True)
class Topic:
    name: str
    events: int
    users: int


def write_backlog(bootstrap: str, topic: str, events: Iterable[Json]) -> Topic:
    """Create the topic and write the events to it, each to its user's partition. Raises BenchError."""
    create_topic(bootstrap, topic)
    users: set[str] = set()
    written = append_events(bootstrap, topic, _noting_users(events, users))
    return Topic(topic, written, len(users))


def append_events(bootstrap: str, topic: str, events: Iterable[Json]) -> int:
    """Write events behind those that are there: how many. Raises BenchError."""
    failures: list[KafkaError] = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,  # else what is sent again may come twice, or behind what came later
            "linger.ms": 50,
            "queue.buffering.max.messages": _QUEUE_MESSAGES,
            "log_level": _ERRORS,
        }
    )
    written = sum(_send(producer, topic, event, index, failures) for index, event in enumerate(events))
    if producer.flush(_PATIENCE_S) or failures:
        raise BenchError(f"Kafka did not take the backlog: {failures[:1] or 'it does not answer'}")
    return written


def create_topic(bootstrap: str, topic: str) -> None:
    settings = {"message.timestamp.type": "LogAppendTime"}
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": _ERRORS})
    for created in admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=settings)]).values():
        created.result(_PATIENCE_S)


def _send(producer: Producer, topic: str, event: Json, index: int, failures: list[KafkaError]) -> int:
    key = event["user_id"].encode()
    where = partition_of(key, PARTITIONS)
    producer.produce(topic, orjson.dumps(event), key, partition=where, on_delivery=_noting(failures))
    producer.poll(0) if index % _SERVE_EVERY else producer.flush(_PATIENCE_S)
    return 1


def _noting_users(events: Iterable[Json], users: set[str]) -> Iterator[Json]:
    for event in events:
        users.add(event["user_id"])
        yield event


def _noting(failures: list[KafkaError]) -> Callable[[KafkaError | None, object], None]:
    def note(error: KafkaError | None, _message: object) -> None:
        if error:
            failures.append(error)

    return note
