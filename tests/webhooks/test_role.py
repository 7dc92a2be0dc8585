"""The role as a process: killed amid deliveries it loses nothing and keeps the order, and it tells no secret."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from services.local_stack.child_process import start_child, stop_child
from services.runtime.redis_client import connect
from services.webhooks.app import ChangesAreOff, open_app
from services.webhooks.settings import WebhookSettings
from tests.support.ports import free_ports
from tests.support.seeds import random_of_this_run
from tests.webhooks.receiver import SECRET, Receiver, Reply
from tests.webhooks.scene import PARTITIONS, USERS, Scene, expected, seen, until

HUSH = "hunter2"
ROLE = "from services.commands.webhooks import app; app()"


class Role:
    """`tranche webhooks` with one receiver."""

    def __init__(self, folder: Path, redis_url: str, receiver: Receiver) -> None:
        [self.port] = free_ports(0)
        self.log_path = folder / "webhooks.log"
        hook = {
            "id": "crm",
            "url": f"{receiver.url}?token={HUSH}",
            "secret": SECRET,
            "headers": {"Authorization": f"Bearer {HUSH}"},
            "max_batch": 10,
            "from": "beginning",
        }
        (folder / "webhooks.yaml").write_text(yaml.safe_dump({"webhooks": [hook]}))
        self._env = os.environ | {
            "TRANCHE_REDIS_URL": redis_url,
            "TRANCHE_PARTITIONS": str(PARTITIONS),
            "TRANCHE_CHANGES": "on",
            "TRANCHE_WEBHOOKS": str(folder / "webhooks.yaml"),
            "TRANCHE_WEBHOOKS_PORT": str(self.port),
            "TRANCHE_LOG_LEVEL": "debug",
        }

    def start(self) -> "subprocess.Popen[bytes]":
        return start_child([sys.executable, "-c", ROLE], self._env, self.log_path)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[Scene]:
    redis = connect(clean_redis_url, timeout_s=5)
    yield Scene(redis)
    await redis.aclose()


def assert_no_secret_in(text: str) -> None:
    for secret in (HUSH, SECRET, SECRET[6:], "u-1", "v1,"):
        assert secret not in text


@contextmanager
def running(role: Role) -> Iterator["subprocess.Popen[bytes]"]:
    process = role.start()
    try:
        yield process
    finally:
        stop_child(process, 15)


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.long)])
async def test_kills_lose_nothing_and_keep_the_order(
    tmp_path: Path, clean_redis_url: str, scene: Scene, receiver: Receiver, kills: int
) -> None:
    random, first = random_of_this_run(), iter([500])
    receiver.reply = lambda _: Reply(next(first, 204), delay_s=random.uniform(0, 0.01))
    role = Role(tmp_path, clean_redis_url, receiver)
    for _ in range(kills):
        await scene.tell(20)
        before = len(receiver.accepted)
        process = role.start()
        await until(lambda before=before: len(receiver.accepted) > before)  # type: ignore[misc]
        await asyncio.sleep(random.uniform(0, 0.2))
        process.kill()
        process.wait()
    receiver.reply = lambda _: Reply()
    with running(role):
        await until(lambda: seen(receiver) == expected(20 * kills))
    repeats = sum(map(len, receiver.changes_by_user().values())) - 20 * kills * len(USERS)
    assert repeats <= kills * 10, "only the delivery under way is sent twice"
    assert_no_secret_in(role.log_path.read_text())


async def test_it_is_healthy_counts_and_tells_no_secret(
    tmp_path: Path, clean_redis_url: str, scene: Scene, receiver: Receiver
) -> None:
    role = Role(tmp_path, clean_redis_url, receiver)
    await scene.tell(3)
    with running(role) as process:
        await until(lambda: seen(receiver) == expected(3))
        assert (await role.get("/readyz")).json() == {"status": "ready"}
        metrics = (await role.get("/metrics")).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert f'tranche_webhooks_changes_total{{webhook="crm"}} {3 * len(USERS)}.0' in metrics
    assert 'tranche_webhooks_deliveries_total{outcome="failed",webhook="crm"} 0.0' in metrics
    assert 'tranche_webhooks_disabled{webhook="crm"} 0.0' in metrics
    assert receiver.received[0].headers["authorization"] == f"Bearer {HUSH}"
    assert_no_secret_in(role.log_path.read_text() + metrics)


async def test_it_does_not_begin_without_changes(tmp_path: Path, clean_redis_url: str, receiver: Receiver) -> None:
    Role(tmp_path, clean_redis_url, receiver)
    settings = WebhookSettings(redis_url=clean_redis_url, webhooks=tmp_path / "webhooks.yaml")
    with pytest.raises(ChangesAreOff, match="TRANCHE_CHANGES=on"):
        async with open_app(settings):
            pass
