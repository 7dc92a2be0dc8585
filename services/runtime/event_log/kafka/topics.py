"""Which topics the log is, and their creation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from services.runtime.errors import OperatorError
from services.runtime.event_log.kafka.refusal import why_refused
from services.runtime.event_log.kafka.security import PLAINTEXT, KafkaSecurity
from services.runtime.event_log.port import LogUnavailable

# A letter is a record and the reason beside it: a broker takes records of 1 MiB, so letters may be larger.
MAX_LETTER_BYTES = 2 * 1024 * 1024

_TIMEOUT_S = 30.0
_PAUSE_S = 0.1
_BROKERS_DEFAULT = -1


class WrongPartitionCount(OperatorError):
    """A topic has another number of partitions than the users' state was built for."""


@dataclass(frozen=True, slots=True)
class KafkaLog:
    """Where the log is. `bootstrap` is a list of `host:port` with commas between."""

    bootstrap: str
    topic: str = "tranche.events"
    partitions: int = 64
    dead_letters: str = "tranche.dead-letters"
    security: KafkaSecurity = PLAINTEXT

    def client_options(self) -> dict[str, Any]:
        """The keyword arguments that every aiokafka client needs to reach it. Raises OSError."""
        return {"bootstrap_servers": self.bootstrap, **self.security.client_options()}


async def ensure_topics(log: KafkaLog) -> None:
    """Create the topics that are missing, replicated as the brokers do by default, and see them through.

    Existing topics keep their settings; the events' should have `message.timestamp.type=LogAppendTime`, for retention
    follows the broker's clock. Raises LogUnavailable within half a minute, and WrongPartitionCount.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S), _admin(log) as admin:
            await _ensure(admin, log.topic, log.partitions, {})
            await _ensure(admin, log.dead_letters, 1, {"max.message.bytes": str(MAX_LETTER_BYTES)})
    except (KafkaError, OSError) as error:
        raise LogUnavailable(f"Kafka at {log.bootstrap}: {await _reason(log, error)}") from error


@asynccontextmanager
async def _admin(log: KafkaLog) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**log.client_options())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _reason(log: KafkaLog, error: Exception) -> str:
    unreachable = isinstance(error, KafkaConnectionError)
    return await why_refused(log.bootstrap, log.security) if unreachable else repr(error)


async def _ensure(admin: AIOKafkaAdminClient, topic: str, partitions: int, settings: dict[str, str]) -> None:
    while not (found := await _partition_count(admin, topic)):
        await _create(admin, topic, partitions, settings)
        await asyncio.sleep(_PAUSE_S)  # brokers hear of it a little later than their controller
    if found != partitions:
        raise WrongPartitionCount(
            f"the topic {topic} has {found} partitions where {partitions} are expected: "
            "users would be looked for in the wrong ones; another number takes a replay into a new topic"
        )


async def _partition_count(admin: AIOKafkaAdminClient, topic: str) -> int:
    """0 where there is no such topic."""
    described = await admin.describe_topics([topic])
    return sum(len(each["partitions"]) for each in described)


async def _create(admin: AIOKafkaAdminClient, topic: str, partitions: int, settings: dict[str, str]) -> None:
    settings = {"message.timestamp.type": "LogAppendTime"} | settings
    # aiokafka takes the broker's default only together with an assignment, which may be empty.
    wanted = NewTopic(topic, partitions, _BROKERS_DEFAULT, replica_assignments={}, topic_configs=settings)
    answer = await admin.create_topics([wanted])
    for _topic, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(message)
