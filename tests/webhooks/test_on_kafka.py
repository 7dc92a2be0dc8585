"""The role on a real Kafka: processes that come and go share the partitions, and still every change is delivered."""

from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from services.runtime.event_log.opening import open_changes_writer
from services.webhooks.app import open_app
from services.webhooks.settings import WebhookSettings
from tests.webhooks.receiver import SECRET, Receiver
from tests.webhooks.scene import PARTITIONS, USERS, expected, message, seen, until


@pytest.fixture
def settings(tmp_path: Path, kafka_bootstrap: str, clean_redis_url: str, unused_name: str) -> WebhookSettings:
    return WebhookSettings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=f"events-{unused_name}",
        changes_topic=f"changes-{unused_name}",
        webhooks_group=f"webhooks-{unused_name}",
        redis_url=clean_redis_url,
        partitions=PARTITIONS,
        changes=True,
        webhooks=tmp_path / "webhooks.yaml",
    )


@pytest.fixture
def unused_name() -> str:
    return uuid4().hex


async def test_processes_that_come_and_go_deliver_everything_in_order(
    settings: WebhookSettings, receiver: Receiver
) -> None:
    hook = {"id": "crm", "url": receiver.url, "secret": SECRET, "from": "beginning", "max_batch": 10}
    assert settings.webhooks is not None
    settings.webhooks.write_text(yaml.safe_dump({"webhooks": [hook]}))
    writer, numbers = await open_changes_writer(settings), count(1)

    async def tell(changes: int) -> None:
        for _ in range(changes):
            number = next(numbers)
            await writer.append([message(user, number) for user in USERS])

    await tell(10)
    async with open_app(settings):
        await until(lambda: seen(receiver) == expected(10))
        async with open_app(settings):
            await tell(10)
            await until(lambda: seen(receiver) == expected(20))
    await tell(5)
    async with open_app(settings):
        await until(lambda: seen(receiver) == expected(25))
    await writer.close()
