"""The changes stream of real workers on a real Redis, against brute force over what the log holds."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from random import Random

import pytest

from services.runtime.clock import now_ms
from services.segmentation.catalog import SegmentDefinition
from services.segmentation.changes import Change
from services.segmentation.events import Event, decode_fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.rules.parse import parse
from services.stream_worker.store import UserStore
from services.stream_worker.write import Walk
from tests.oracle.changes import BruteForceTeller, Expected, Line
from tests.segmentation.test_changes import as_expected, first_told
from tests.stream_worker.scene import until
from tests.stream_worker.states import catalog_of, redis_at, view
from tests.stream_worker.telling_scene import GRACE_MS, PARTITION, TellingScene, a_change, once, told, users_of
from tests.support.seeds import random_of_this_run

HOUR_MS = 3_600_000
RULES = {
    f"s-{number}": rule
    for number, rule in enumerate(
        [
            "count('view', within='1h') >= 1",
            "count('view', within='1h') in [1, 3]",
            "count('cart', within='1h') >= 1 and count('buy', within='1h') == 0",
            "since('view') > '1h'",
        ]
    )
}


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[TellingScene]:
    async with redis_at(clean_redis_url) as redis:
        yield TellingScene(redis)


async def test_the_stream_is_that_of_the_log_whatever_dies_and_is_lost(scene: TellingScene) -> None:
    random, catalog = random_of_this_run(), catalog_of(*RULES.values())
    await scene.put(catalog)
    dump = await scene.dump()
    for _ in range(6):
        async with scene.working(catalog):
            for _ in range(random.randint(1, 3)):
                await scene.send(events(random))
                await asyncio.sleep(random.choice([0, 0.01, 0.05, 0.2]))
            if random.random() < 0.5:
                dump = await scene.dump()
            elif random.random() < 0.5:
                await scene.restore(dump)
    async with scene.working(catalog):
        await asyncio.sleep(1.6)  # until no hour that matters is still to pass
        await until(scene.is_quiet)
    await compare(scene)


async def test_users_known_before_are_told_of_once_and_an_edit_is_told_by_the_pass(scene: TellingScene) -> None:
    first, users = catalog_of(RULES["s-0"]), [f"u-{number}" for number in range(250)]
    await scene.put(first)
    scene.telling = False
    async with scene.working(first):
        await scene.send([view(number, user, now_ms()) for number, user in enumerate(users)])
        await until(scene.is_applied)
    assert await scene.published() == []
    scene.telling = True
    for _ in range(2):
        async with scene.working(first):
            await until(lambda: told(scene, 250))
    second = first.put("s-1", SegmentDefinition(name="s-1", rule="count('view') >= 1"), KEEP_ALL).delete("s-0")
    async with scene.working(first):
        await scene.put(second)
        await until(lambda: told(scene, 750))
    found = Counter((each.segment, each.change, each.cause) for each in await once(scene))
    assert found == dict.fromkeys(
        [("s-0", "entered", "start"), ("s-0", "left", "edit"), ("s-1", "entered", "edit")], len(users)
    )


async def test_what_a_worker_did_not_tell_is_told_as_a_correction(scene: TellingScene) -> None:
    catalog = catalog_of("count('view') == 1")
    one, other = users_of(PARTITION)[:2]
    await scene.put(catalog)
    async with scene.working(catalog):
        await scene.send([view(1, one, now_ms()), view(2, other, now_ms())])
        await until(lambda: told(scene, 2))
    scene.telling = False
    async with scene.working(catalog):
        await scene.send([view(3, one, now_ms())])
        await until(scene.is_applied)
    scene.telling = True
    async with scene.working(catalog):
        await until(lambda: told(scene, 3))
        await scene.send([view(4, other, now_ms())])
        await until(lambda: told(scene, 4))
    found = [(each.user_id, each.change, each.cause) for each in await once(scene)]
    assert found[:2] == [(one, "entered", "event"), (other, "entered", "event")]
    assert found[2:] == [(one, "left", "correction"), (other, "left", "event")]


async def test_who_gave_no_consent_leaves_once_it_is_required_and_enters_once_it_no_longer_is(
    scene: TellingScene,
) -> None:
    catalog, users = catalog_of("count('view') >= 1"), [f"u-{number}" for number in range(250)]
    await scene.put(catalog)
    async with scene.working(catalog):
        await scene.send([view(number, user, now_ms()) for number, user in enumerate(users)])
        await until(lambda: told(scene, 250))
    for number, scene.consent_required in enumerate((True, False), 2):
        async with scene.working(catalog):
            await until(lambda number=number: told(scene, 250 * number))  # type: ignore[misc]
    found = Counter((each.change, each.cause) for each in await once(scene))
    assert found == {("entered", "event"): 250, ("left", "edit"): 250, ("entered", "edit"): 250}


async def test_time_never_overtakes_a_record_that_waits_to_be_applied(scene: TellingScene) -> None:
    catalog = catalog_of(*RULES.values())
    await scene.put(catalog)
    one, other = users_of(PARTITION)[:2]
    async with scene.working(catalog):
        await scene.send([Event("cart", one, "cart", begun_ms := now_ms() - HOUR_MS + 1_500)])
        await until(scene.is_applied)
    await scene.send([view(number, other, now_ms()) for number in range(500)])
    await scene.send([Event("buy", one, "buy", now_ms())])
    assert now_ms() < begun_ms + HOUR_MS
    await asyncio.sleep((begun_ms + HOUR_MS + GRACE_MS + 1 - now_ms()) / 1000)
    async with scene.working(catalog):
        await until(scene.is_quiet)
    assert [(each.change, each.cause) for each in await once(scene) if each.segment == "s-2"] == [
        ("entered", "event"),
        ("left", "event"),
    ]


async def test_what_was_told_counts_no_more_once_somebody_wrote_who_did_not_tell(scene: TellingScene) -> None:
    catalog, walk = catalog_of("count('view', within='1h') >= 1"), Walk(1, 2, 2, finished=True)
    telling, silent = (UserStore(scene.redis, now_ms, tells=tells) for tells in (True, False))
    await telling.open(PARTITION)
    first, begun = a_change("u-1", catalog), telling.book(PARTITION).begun
    assert await telling.apply(PARTITION, 0, 0, [first], walk)
    assert await telling.load_told(PARTITION, [first.member]) == [first.told]
    assert await telling.due(PARTITION, 10) == [(first.member, 1_000 + HOUR_MS)]
    assert (await telling.open(PARTITION)).refreshed == 1

    await silent.open(PARTITION)
    assert await silent.apply(PARTITION, 0, 0, [])
    found = []
    for position in (0, 1):  # and the pass is not over because it has begun
        assert (await telling.open(PARTITION)).refreshed == 0
        found.append(telling.book(PARTITION).begun)
        assert await telling.load_told(PARTITION, [first.member]) == [None]
        assert await telling.due(PARTITION, 10) == []
        assert await telling.apply(PARTITION, position, position + 1, [])
    assert begun != found[0] == found[1]


def events(random: Random) -> list[Event]:
    """Of which an hour passes about now, for some of them."""
    return [
        Event(
            f"e-{random.getrandbits(64)}",
            f"u-{random.randrange(20)}",
            random.choice(["view", "view", "cart", "buy"]),
            now_ms() - random.choice([0, HOUR_MS - 700, HOUR_MS + 100]) + random.randrange(-700, 700),
        )
        for _ in range(random.randint(1, 30))
    ]


async def compare(scene: TellingScene) -> None:
    """Every user's whole stream."""
    lines: dict[str, list[Line]] = defaultdict(list)
    told: dict[str, list[Change]] = defaultdict(list)
    for record in await scene.records():
        fact = decode_fact(record.value, record.appended_ms)
        lines[fact.user_id].append(Line(record.offset, record.appended_ms, fact))
    for change in await scene.published():
        told[change.user_id].append(change)
    assert told.keys() <= lines.keys()
    causes: Counter[str] = Counter()
    for user_id, each in lines.items():
        found = as_expected(first_told(told[user_id]))
        assert found == expected(each), user_id
        causes.update(change.cause for change in found)
    assert causes["event"] > 10
    assert causes["time"] > 10
    assert causes["late_event"] > 0


def expected(lines: list[Line]) -> list[Expected]:
    teller = BruteForceTeller({name: parse(rule) for name, rule in RULES.items()})
    for line in lines:
        teller.record(line)
    teller.time(now_ms())
    return teller.told


async def test_what_was_told_of_very_many_users_can_be_read_at_once(scene: TellingScene) -> None:
    store = UserStore(scene.redis, now_ms, tells=True)
    await store.open(PARTITION)
    one = a_change("u-1", catalog_of("count('view', within='1h') >= 1"))
    assert await store.apply(PARTITION, 0, 0, [one])
    asked = [f"default:nobody-{number}" for number in range(9_000)]
    assert await store.load_told(PARTITION, [*asked, one.member]) == [None] * len(asked) + [one.told]
