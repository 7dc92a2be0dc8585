"""What each role may do on Kafka, and that it may do nothing else; what a client says that is not let in."""

import asyncio
import os
import re
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import ValidationError

from services.runtime.event_log.kafka import KafkaLog, ensure_topics
from services.runtime.event_log.kafka.security import KafkaSecurity
from services.runtime.event_log.opening import kafka_log, open_writer
from services.runtime.event_log.port import LogUnavailable
from services.runtime.settings import Settings
from tests.secure.certificates import Authority, Certificate
from tests.secure.kafka_server import ADMIN, KINDS, OPERATIONS, PATTERNS, ROLES, SecureKafka, password_of, rights
from tests.support.servers import KAFKA_RUN

EVENTS, LETTERS, CHANGES = "tranche.events", "tranche.dead-letters", "tranche.changes"
SAMPLES = "tranche.samples"
WORKERS, HOOKS = "tranche-workers", "tranche-webhooks.crm"
PARTITIONS = 2
WRONG = "s3cr3t"
LETTER = [("reason", b"a test"), ("partition", b"0"), ("offset", b"0")]
"""What makes any record a dead letter, wherever it is."""

MAY: dict[str, set[str]] = {
    "collector": {"write events"},
    "api": {"write events"},
    "worker": {
        *("write events", "write letters", "write changes", "write samples"),
        *("read events", "read letters", "read changes"),
        "join workers",
    },
    "trainer": {"read samples"},
    "webhooks": {"read changes", "join hooks"},
}

_RIGHT = re.compile(
    r"--bootstrap-server h:1 --add --allow-principal (?P<principal>\S+) --(?P<kind>topic|group) (?P<name>\S+)"
    r" --resource-pattern-type (?P<pattern>literal|prefixed) --operation (?P<operations>.+)"
)

Try = Callable[[dict[str, Any]], Awaitable[object]]


@pytest.fixture(scope="module", autouse=True)
def topics(kafka: SecureKafka) -> None:
    """Something in each of them, and one that belongs to nobody here."""

    async def fill() -> None:
        logs = [
            KafkaLog(kafka.bootstrap, topic, PARTITIONS, security=kafka.security(ADMIN))
            for topic in (EVENTS, CHANGES, SAMPLES, "others")
        ]
        for log in logs:
            await ensure_topics(log)
        async with AIOKafkaProducer(**logs[0].client_options()) as producer:
            for topic in (EVENTS, LETTERS, CHANGES, SAMPLES, "others"):
                await producer.send_and_wait(topic, b"kept", partition=0, headers=LETTER)

    asyncio.run(fill())


def settings_of(kafka: SecureKafka, role: str, **others: str | None) -> Settings:
    told = {name.removeprefix("TRANCHE_").lower(): value for name, value in kafka.env(role).items()}
    return Settings.model_validate({"partitions": PARTITIONS} | told | others)


def options_of(kafka: SecureKafka, role: str) -> dict[str, Any]:
    """As every client of the role is told."""
    return kafka_log(settings_of(kafka, role)).client_options()


async def write(options: dict[str, Any], topic: str) -> None:
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"by a test", partition=0, headers=LETTER)
    finally:
        await producer.stop()


async def read(options: dict[str, Any], topic: str) -> None:
    async with AIOKafkaConsumer(**options, group_id=None) as consumer:
        if topic not in await consumer.topics():  # aiokafka would ask for it without end, as fast as it can
            raise TopicAuthorizationFailedError(topic)
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek(TopicPartition(topic, 0), 0)
        await consumer.getone()


async def join(options: dict[str, Any], group: str) -> None:
    async with AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False) as consumer:
        where = TopicPartition(CHANGES if group == HOOKS else EVENTS, 0)
        if where.topic not in await consumer.topics():
            raise TopicAuthorizationFailedError(where.topic)
        consumer.assign([where])
        await consumer.committed(where)


async def create(options: dict[str, Any], topic: str) -> None:
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        error = for_code(answer.topic_errors[0][1])
        if error.errno:
            raise error
    finally:
        await admin.close()


ATTEMPTS: dict[str, Try] = {
    "write events": lambda options: write(options, EVENTS),
    "write letters": lambda options: write(options, LETTERS),
    "write changes": lambda options: write(options, CHANGES),
    "write samples": lambda options: write(options, SAMPLES),
    "write others": lambda options: write(options, "others"),
    "read events": lambda options: read(options, EVENTS),
    "read letters": lambda options: read(options, LETTERS),
    "read changes": lambda options: read(options, CHANGES),
    "read samples": lambda options: read(options, SAMPLES),
    "read others": lambda options: read(options, "others"),
    "join workers": lambda options: join(options, WORKERS),
    "join hooks": lambda options: join(options, HOOKS),
    "join others": lambda options: join(options, "others"),
    "create others": lambda options: create(options, "more"),
}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_what_is_its_own_and_nothing_else(kafka: SecureKafka, role: str) -> None:
    options = options_of(kafka, role)
    outcomes = await asyncio.gather(*(allowed(attempt(options)) for attempt in ATTEMPTS.values()))
    assert {name for name, outcome in zip(ATTEMPTS, outcomes, strict=True) if outcome} == MAY[role]


def test_the_script_gives_the_rights_of_the_table() -> None:
    """Told to echo what it would have Kafka's tool do."""
    command = [str(KAFKA_RUN.with_name("acls")), "--bootstrap-server", "h:1"]
    told = subprocess.run(command, env=os.environ | {"KAFKA_ACLS": "echo"}, capture_output=True, text=True, check=True)
    found = [_RIGHT.fullmatch(line) for line in told.stdout.splitlines()]
    assert all(found)
    given = {
        (KINDS[each["kind"]], each["name"], PATTERNS[each["pattern"]], each["principal"], OPERATIONS[operation])
        for each in found
        if each
        for operation in each["operations"].split(" --operation ")
    }
    assert given == {(kind, name, pattern, who, operation) for kind, name, pattern, who, _, operation, _ in rights()}


async def allowed(attempt: Awaitable[object]) -> bool:
    """Whether it succeeds, or is refused for want of rights."""
    try:
        async with asyncio.timeout(20):
            await attempt
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError):
        return False
    return True


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kafka_password": WRONG}, "Authentication failed during authentication due to invalid credentials"),
        ({"kafka_username": "tranche-nobody"}, "Authentication failed"),
        (
            {"kafka_security": "ssl", "kafka_username": None, "kafka_password": None},
            "is TRANCHE_KAFKA_SECURITY as",
        ),
        ({"kafka_ca": None}, "certificate verify failed"),
        ({"kafka_certificate": "/nowhere.pem"}, "No such file"),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_no_secret(
    kafka: SecureKafka, change: dict[str, str | None], complaint: str
) -> None:
    told = await refusal(settings_of(kafka, "worker", **change))
    assert complaint in told
    assert not [secret for secret in (WRONG, password_of("worker")) if secret in told]


async def test_at_the_controllers_port_only_a_broker_is_obeyed(
    kafka: SecureKafka, broker: Certificate, own: Certificate
) -> None:
    assert await code_of_a_right_given_at_the_controller(kafka, broker) == NoError.errno
    assert await code_of_a_right_given_at_the_controller(kafka, own) == ClusterAuthorizationFailedError.errno
    with pytest.raises((KafkaError, OSError)):
        await code_of_a_right_given_at_the_controller(kafka, None)


async def code_of_a_right_given_at_the_controller(kafka: SecureKafka, shown: Certificate | None) -> int:
    """0, or that of the error that it is refused with."""
    security = KafkaSecurity("ssl", ca=kafka.authority.ca)
    if shown:
        security = replace(security, certificate=shown.certificate, key=shown.key)
    connection = await create_conn("127.0.0.1", kafka.controller_port, **security.client_options())
    try:
        async with asyncio.timeout(10):
            answer = await connection.send(CreateAclsRequest(*next(rights())))
    finally:
        connection.close()
    return int(answer.creation_responses[0][0])


async def test_brokers_of_another_authority_are_refused(kafka: SecureKafka, stranger: Authority) -> None:
    told = await refusal(settings_of(kafka, "worker", kafka_ca=str(stranger.ca)))
    assert "certificate verify failed" in told


async def test_brokers_with_the_certificate_of_another_host_are_refused(kafka: SecureKafka) -> None:
    elsewhere = kafka.bootstrap.replace("127.0.0.1", "localhost")
    assert "not valid for 'localhost'" in await refusal(settings_of(kafka, "worker", kafka_bootstrap=elsewhere))


async def refusal(settings: Settings) -> str:
    with pytest.raises(LogUnavailable) as raised:
        await open_writer(settings)
    return str(raised.value)


@pytest.mark.parametrize(
    "told",
    [
        {"kafka_security": "sasl_ssl"},
        {"kafka_security": "sasl_ssl", "kafka_username": "u"},
        {"kafka_username": "u", "kafka_password": "p"},
        {"kafka_security": "ssl", "kafka_username": "u", "kafka_password": "p"},
        {"kafka_certificate": "own.pem"},
        {"kafka_security": "sasl_plaintext", "kafka_username": "u", "kafka_password": "p", "kafka_key": "k.pem"},
        {"kafka_security": "SSL3"},
        {"kafka_ca": __file__},
    ],
)
def test_settings_that_contradict_each_other_are_refused(told: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(told)


def test_settings_do_not_show_the_password(kafka: SecureKafka) -> None:
    settings = settings_of(kafka, "worker")
    assert password_of("worker") not in repr(settings) + repr(kafka_log(settings))
