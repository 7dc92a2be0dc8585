"""The changes stream of the whole product: opt-in, and in the end exactly what lookups answer, whatever dies."""

import asyncio
import os
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from services.local_stack.child_process import holds_within
from services.runtime.event_log.opening import open_changes_reader
from services.runtime.settings import Settings
from services.segmentation.changes import Change
from services.segmentation.events import Event
from services.segmentation.wire.changes import decode_change
from tests.behaviour.conftest import EMBEDDED, kafka_env
from tests.behaviour.product import PATIENCE_S, Product, running
from tests.support.seeds import random_of_this_run

LONG = bool(os.environ.get("TRANCHE_TEST_LONG"))
SOON_MS = 1_000
TELLING = {"TRANCHE_CHANGES": "on", "TRANCHE_CHANGES_GRACE_MS": "200"}
USERS = [f"u-{number}" for number in range(40)]


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.long)])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    env = {**EMBEDDED, **TELLING, "TRANCHE_CHANGES_TOPIC": f"changes-{uuid4().hex}"}
    if request.param == "kafka":
        env |= kafka_env(request.getfixturevalue("kafka_bootstrap"))
    with running(Product(tmp_path_factory.mktemp("up"), env, workers=2)) as product:
        product.define(
            soon=f"count('view', within='{SOON_MS}ms') >= 1 or count('cart', within='1h') >= 1",
            seen="count('view') in [1, 2, 5, 6]",
        )
        yield product


def test_events_and_the_passing_of_time_are_told(product: Product) -> None:
    ts_ms = time.time_ns() // 1_000_000
    product.send([Event(uuid4().hex, "visitor", "view", ts_ms)])
    told = until_told(product, "visitor", 3)
    assert [(each.segment, each.change, each.cause) for each in told] == [
        ("seen", "entered", "event"),
        ("soon", "entered", "event"),
        ("soon", "left", "time"),
    ]
    assert (told[1].until_ms, told[2].at_ms) == (ts_ms + SOON_MS, ts_ms + SOON_MS)

    product.send([Event(uuid4().hex, "visitor", "cart", ts_ms - 1)])
    late = until_told(product, "visitor", 4)[3]
    assert (late.segment, late.change, late.cause, late.corrects) == ("soon", "entered", "late_event", told[2].id)


def test_what_is_told_is_what_lookups_answer_though_workers_are_killed(product: Product) -> None:
    random = random_of_this_run()
    for _ in range(8 if LONG else 2):
        now_ms = time.time_ns() // 1_000_000
        product.send(
            [
                Event(uuid4().hex, random.choice(USERS), "view", now_ms - random.randrange(2 * SOON_MS))
                for _ in range(60)
            ]
        )
        product.kill("worker")
    product.wait_applied()

    assert holds_within(PATIENCE_S, lambda: inside(product) == looked_up(product)), product.condition()


def inside(product: Product) -> dict[str, set[str]]:
    """The segments of each user, by what was told."""
    found: dict[str, set[str]] = {user: set() for user in USERS}
    for change in everything_told(product.settings):
        if change.user_id in found:
            (found[change.user_id].add if change.change == "entered" else found[change.user_id].remove)(change.segment)
    return found


def looked_up(product: Product) -> dict[str, set[str]]:
    return {user: set(product.segments(user)) for user in USERS}


def until_told(product: Product, user: str, number: int) -> list[Change]:
    def told() -> list[Change]:
        return [each for each in everything_told(product.settings) if each.user_id == user]

    assert holds_within(PATIENCE_S, lambda: len(told()) >= number), product.condition()
    return told()


def everything_told(settings: Settings) -> list[Change]:
    """Each change once, in order for each user."""
    found: dict[str, Change] = {}
    for change in asyncio.run(_read(settings)):
        assert found.setdefault(change.id, change) == change
    return list(found.values())


async def _read(settings: Settings) -> list[Change]:
    partitions = range(settings.partitions)
    reader = await open_changes_reader(settings, partitions, uuid4().hex)
    found: list[Change] = []
    try:
        while not reader.assigned():
            await reader.poll(1, 0.1)
        for partition in partitions:
            await reader.seek(partition, 0)
        while some := await reader.poll(10_000, 0.4):
            found += [decode_change(record.value) for record in some]
    finally:
        await reader.close()
    return found
