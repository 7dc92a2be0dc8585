"""Each server that other tests lean on is a real one, and none is left behind."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError
from redis.cluster import RedisCluster

from services.local_stack.child_process import StartFailed, holds_within, start_child
from services.local_stack.redis_server import RedisServer
from tests.support.servers import kafka_server, missing_for_kafka, redis_cluster, redis_server


def test_redis_keeps_what_it_took_over_a_stop_and_over_a_kill(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        _set(server, "stopped", "1")
        server.stop()
        server.start()
        _set(server, "killed", "2")
        os.kill(_redis_pid(server), signal.SIGKILL)
        assert holds_within(10, lambda: not server.running)
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.mget("stopped", "killed") == [b"1", b"2"]


def test_redis_listens_on_a_private_socket_alone(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        process = psutil.Process(_redis_pid(server))
        assert process.net_connections("inet") == []
        socket_path = Path(server.url.removeprefix("unix://"))
        assert socket_path.stat().st_mode & 0o777 == 0o700


def test_redis_syncs_its_log_and_never_evicts(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        asked = ("appendonly", "appendfsync", "save", "maxmemory-policy")
        expected = dict(zip(asked, ("yes", "no", "", "noeviction"), strict=True))
        assert {name: client.config_get(name)[name] for name in asked} == expected


def test_redis_serves_from_a_folder_too_deep_for_a_socket(tmp_path: Path) -> None:
    with redis_server(tmp_path / ("deep" * 30)) as server:
        _set(server, "a", "1")
        socket_path = Path(server.url.removeprefix("unix://"))
        assert socket_path.parent.stat().st_mode & 0o777 == 0o700
    assert not socket_path.parent.exists()


def test_redis_waits_until_all_of_its_data_is_loaded(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        with redis.Redis.from_url(server.url, socket_timeout=60) as client:
            client.eval("for i = 1, 400000 do redis.call('set', 'k' .. i, string.rep('x', 100)) end", 0)
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.dbsize() == 400_000


def test_a_second_redis_on_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.local_stack.redis_server._LOCK_PATIENCE_S", 0.1)
    with redis_server(tmp_path) as server:
        second = RedisServer(tmp_path / "redis")
        with pytest.raises(StartFailed, match="already runs"):
            second.start()
        _set(server, "still", "there")


def test_a_redis_that_cannot_start_tells_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"this was never a Redis log\r\n")
    server = RedisServer(tmp_path)
    with pytest.raises(StartFailed, match="Bad file format"):
        server.start()
    assert not server.running


def test_an_older_redis_refuses_the_folder_of_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no redis-server of the machine's own: the bundled Redis 6 is left
    (tmp_path / "appendonlydir").mkdir()
    with pytest.raises(StartFailed, match="install Redis 7"):
        RedisServer(tmp_path).start()


def test_cluster_spreads_keys_over_its_nodes(clean_redis_cluster_url: str, redis_cluster_urls: list[str]) -> None:
    tags = [f"{{p{partition:02d}}}" for partition in range(64)]
    with RedisCluster.from_url(clean_redis_cluster_url) as cluster:
        for tag in tags:
            cluster.set(f"{tag}:wm", tag)
        assert [cluster.get(f"{tag}:wm") for tag in tags] == [tag.encode() for tag in tags]
    with ExitStack() as stack:
        nodes = [stack.enter_context(redis.Redis.from_url(url)) for url in redis_cluster_urls]
        held = [node.dbsize() for node in nodes]
    assert len(held) == 3
    assert sum(held) == 64
    assert min(held) > 0


async def test_kafka_returns_the_record_that_it_took(kafka_bootstrap: str) -> None:
    topic = f"records-{uuid4()}"
    await _create(kafka_bootstrap, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all") as producer:
        sent = await producer.send_and_wait(topic, b"value", key=b"key", partition=1)
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 1)])
        record = await consumer.getone()
    assert (record.offset, record.key, record.value) == (sent.offset, b"key", b"value")


async def test_kafka_creates_no_topic_that_nobody_asked_for(kafka_bootstrap: str) -> None:
    topic = f"misspelt-{uuid4()}"
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, request_timeout_ms=500) as producer:
        with pytest.raises(UnknownTopicOrPartitionError):
            await producer.send(topic, b"value")


def test_no_server_outlives_its_block(tmp_path: Path) -> None:
    before = _children()
    with redis_server(tmp_path / "one"), redis_cluster(tmp_path / "cluster"):
        assert len(_children() - before) == 4
    if not missing_for_kafka():
        with kafka_server(tmp_path / "kafka"):
            assert len(_children() - before) == 1
    assert _children() == before


def test_a_child_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, time; from pathlib import Path; from services.local_stack.child_process import start_child;"
        "print(start_child(['sleep', '600'], os.environ, None).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        child.wait(10)


def test_a_child_is_not_started_where_it_would_die_with_a_thread() -> None:
    failures: list[Exception] = []

    def start() -> None:
        try:
            start_child(["sleep", "600"], os.environ, None)
        except RuntimeError as failure:
            failures.append(failure)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(failures) == 1


async def _create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()


def _set(server: RedisServer, key: str, value: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set(key, value)


def _redis_pid(server: RedisServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
