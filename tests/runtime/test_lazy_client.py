"""A Kafka client that cannot be made or started: callers are told that the log is away, and it is tried again."""

import asyncio
from pathlib import Path

import pytest

from services.runtime.event_log.kafka import KafkaLog, KafkaWriter
from services.runtime.event_log.kafka.lazy_client import LazyClient
from services.runtime.event_log.kafka.security import KafkaSecurity
from services.runtime.event_log.port import LogUnavailable, Message
from tests.support.ports import free_ports


class Started:
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


async def test_a_file_that_is_away_for_a_moment_is_no_other_failure_than_a_broker_that_is(tmp_path: Path) -> None:
    [port] = free_ports(0)
    security = KafkaSecurity("ssl", ca=tmp_path / "ca.pem")
    writer = KafkaWriter(KafkaLog(f"127.0.0.1:{port}", security=security), timeout_s=1)
    with pytest.raises(LogUnavailable, match="No such file"):
        await writer.append([Message(0, b"k", b"v")])
    await writer.close()


async def test_it_is_made_once_the_file_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"

    def make() -> Started:
        path.read_bytes()
        return Started()

    client = LazyClient(make, timeout_s=1)
    with pytest.raises(LogUnavailable):
        await client.get()
    path.touch()
    async with asyncio.timeout(5):
        while client.current is None:
            with pytest.raises(LogUnavailable):
                await client.get()
            await asyncio.sleep(0.05)
    assert isinstance(await client.get(), Started)
    await client.close()


def test_all_clients_of_a_process_share_one_context() -> None:
    security = KafkaSecurity("ssl")
    contexts = [security.client_options()["ssl_context"] for _ in range(3)]
    assert contexts == [contexts[0]] * 3
