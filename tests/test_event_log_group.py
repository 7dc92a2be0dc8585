"""Readers on Kafka whose brokers fall silent, or who die: neither keeps anybody waiting for long."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import pytest

from services.runtime.event_log.kafka import KafkaLog, KafkaReader
from services.runtime.event_log.port import LogReader
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import redis_at
from tests.support.event_logs import KafkaTopics
from tests.support.proxy import Proxy

SESSION_S = 1.5
MEMBER = """
import asyncio, sys
from services.runtime.event_log.kafka import KafkaLog, KafkaReader

async def main(bootstrap, topic, session_s):
    reader = KafkaReader(KafkaLog(bootstrap, topic, 2), topic, session_timeout_s=float(session_s))
    while len(reader.assigned()) < 2:
        await reader.poll(1, 0.1)
    print("owns all", flush=True)
    while True:
        await reader.poll(1, 0.1)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[KafkaTopics]:
    topics = KafkaTopics(kafka_bootstrap, PARTITIONS)
    await topics.create()
    yield topics
    await topics.close()


async def test_a_broker_that_takes_connections_and_never_answers_keeps_no_worker_from_starting_over(
    topics: KafkaTopics, clean_redis_url: str
) -> None:
    with Proxy(int(topics.log.bootstrap.rpartition(":")[2])) as proxy:
        proxy.stall()
        silent = KafkaLog(f"127.0.0.1:{proxy.port}", topics.log.topic, PARTITIONS)
        async with redis_at(clean_redis_url) as redis:
            scene = Scene(redis, topics)
            await scene.send(1, USERS)
            reader = KafkaReader(silent, topics.log.topic, timeout_s=0.3)
            worker = scene.worker(scene.catalog(), reader=reader)
            async with working(worker):
                async with asyncio.timeout(8):
                    await until(lambda: has_beaten(worker.pulse, 4))  # turns go on ending: no watchdog bites
                assert worker.failing == "LogUnavailable"
                proxy.cut()
                proxy.resume()
                await until(scene.is_applied)
                assert await scene.counts() == {1}
            await reader.close()


async def test_the_partitions_of_a_dead_member_are_free_after_the_session_timeout(topics: KafkaTopics) -> None:
    arguments = [sys.executable, "-c", MEMBER, topics.log.bootstrap, topics.log.topic, str(SESSION_S)]
    member = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert member.stdout is not None
        assert await asyncio.wait_for(member.stdout.readline(), 30) == b"owns all\n"
    finally:
        member.kill()
        await member.communicate()
    died_s = time.monotonic()
    successor = KafkaReader(topics.log, topics.log.topic, session_timeout_s=SESSION_S)
    await owns_all(successor)
    await successor.close()
    assert time.monotonic() - died_s < SESSION_S + 4


async def owns_all(reader: LogReader) -> None:
    async with asyncio.timeout(30):
        while len(reader.assigned()) < PARTITIONS:
            await reader.poll(1, 0.1)


async def has_beaten(pulse: int, times: int) -> bool:
    return pulse >= times
