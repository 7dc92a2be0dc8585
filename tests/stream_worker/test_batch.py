"""How records are sorted before they are applied."""

import orjson
import pytest

from services.runtime.event_log.port import Record
from services.segmentation.events import Event, encode_event
from services.segmentation.partitions import partition_of
from services.stream_worker.batch import MAX_STRAY_BYTES, Batch, batches, homes
from services.stream_worker.store import MAX_USERS

PARTITIONS = 4
HERE = 2


def users_of(partition: int, count: int) -> list[str]:
    candidates = (f"u-{number}" for number in range(100 * count))
    return [user for user in candidates if partition_of(user, PARTITIONS) == partition][:count]


def record(offset: int, value: bytes) -> Record:
    return Record(HERE, offset, b"key", value, 5_000)


def view(user: str, event_id: str = "e-1", space: str = "default") -> bytes:
    return encode_event(Event(event_id, user, "view", 1_000, space))


def only_batch(*records: Record) -> Batch:
    [batch] = batches(records, homes(PARTITIONS), lambda: MAX_USERS)
    return batch


def test_events_are_grouped_by_user_and_space_in_the_order_of_the_log() -> None:
    first, second = users_of(HERE, 2)
    values = [view(first, "1"), view(second, "2"), view(first, "3", "shop"), view(first, "4")]
    batch = only_batch(*(record(10 + number, value) for number, value in enumerate(values)))
    found = {member: [event.event_id for event in events] for member, events in batch.facts.items()}
    assert found == {f"default:{first}": ["1", "4"], f"default:{second}": ["2"], f"shop:{first}": ["3"]}
    assert (batch.end, batch.strays, batch.letters) == (14, [], [])


@pytest.mark.parametrize("count", [MAX_USERS - 1, MAX_USERS, MAX_USERS + 1, 2 * MAX_USERS + 1])
def test_a_batch_never_has_more_users_than_one_script_may_write(count: int) -> None:
    values = [view(user) for user in users_of(HERE, count)]
    # Offsets on Kafka have gaps.
    found = list(
        batches(
            [record(3 * number, value) for number, value in enumerate(values)], homes(PARTITIONS), lambda: MAX_USERS
        )
    )
    assert [len(batch.facts) for batch in found[:-1]] == [MAX_USERS] * (len(found) - 1)
    assert sum(len(batch.facts) for batch in found) == count
    assert [batch.end for batch in found] == [
        3 * (min(count, MAX_USERS * number) - 1) + 1 for number in range(1, len(found) + 1)
    ]


def test_how_many_users_there_is_room_for_may_change_from_batch_to_batch() -> None:
    rooms = iter([2] * 2 + [1] * 2 + [100] * 100)
    records = [record(number, view(user)) for number, user in enumerate(users_of(HERE, 9))]
    found = [len(batch.facts) for batch in batches(records, homes(PARTITIONS), lambda: next(rooms))]
    assert found == [2, 1, 1, 5]


def test_no_records_are_no_batch() -> None:
    assert list(batches([], homes(PARTITIONS), lambda: MAX_USERS)) == []


def test_what_nobody_can_read_becomes_a_letter_and_is_passed() -> None:
    deep = b'{"event_id":"1","user_id":"%s","type":"view","context":%s}' % (
        users_of(HERE, 1)[0].encode(),
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    )
    batch = only_batch(record(7, b"\xff"), record(8, view("a@b")), record(9, deep))
    assert (batch.end, batch.facts, batch.strays) == (10, {}, [])
    assert [(letter.partition, letter.offset, letter.key) for letter in batch.letters] == [
        (HERE, 7, b"key"),
        (HERE, 8, b"key"),
        (HERE, 9, b"key"),
    ]
    assert [letter.value for letter in batch.letters] == [b"\xff", view("a@b"), deep]
    assert ["JSON" in batch.letters[0].reason, "e-mail" in batch.letters[1].reason] == [True, True]


def test_an_event_on_the_wrong_partition_goes_to_the_right_one_with_its_time() -> None:
    user = users_of(HERE + 1, 1)[0]
    batch = only_batch(record(7, orjson.dumps({"event_id": "1", "user_id": user, "type": "view"})))
    [(offset, stray)] = batch.strays
    assert offset == 7
    assert (stray.partition, stray.key, orjson.loads(stray.value)["ts"]) == (HERE + 1, user.encode(), 5_000)
    assert (batch.end, batch.facts, batch.letters) == (8, {}, [])


def test_what_is_too_large_to_be_sent_home_becomes_a_letter() -> None:
    large = Event("1", users_of(HERE + 1, 1)[0], "view", 1_000, properties={"value": "x" * MAX_STRAY_BYTES})
    batch = only_batch(record(7, encode_event(large)))
    assert (batch.strays, [letter.offset for letter in batch.letters]) == ([], [7])


def test_an_event_without_a_time_happened_when_the_log_took_it() -> None:
    user = users_of(HERE, 1)[0]
    batch = only_batch(record(7, orjson.dumps({"event_id": "1", "user_id": user, "type": "view"})))
    assert batch.facts[f"default:{user}"][0].ts_ms == 5_000


def test_a_batch_ends_where_its_records_take_much_memory() -> None:
    [user] = users_of(HERE, 1)
    large = b'{"user_id":"%b","event_id":"%%d","type":"view","properties":{"x":["%b"]}}' % (
        user.encode(),
        b"x" * 31_000,
    )
    found = list(
        batches([record(number, large % number) for number in range(100)], homes(PARTITIONS), lambda: MAX_USERS)
    )
    assert [batch.end for batch in found] == [34, 68, 100]
    assert sum(len(facts) for batch in found for facts in batch.facts.values()) == 100
