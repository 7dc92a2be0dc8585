"""What others write straight to the event log: unreadable, misplaced or unfinished, it never stops a worker."""

import time

import orjson

from services.segmentation.partitions import partition_of
from tests.behaviour.product import Product


def message(space: str, user: str, **more: object) -> bytes:
    return orjson.dumps({"event_id": "e-1", "user_id": user, "space": space, "type": "view", **more})


def test_the_unreadable_is_put_aside_with_its_reason_and_the_rest_goes_on(product: Product, space: str) -> None:
    product.define(views="count('view') == 1")
    own = space.encode()
    deep = b'{"a":' * 1_000 + b"1" + b"}" * 1_000
    unreadable = {
        b"\xff\x00 no text " + own: "not JSON",
        b'{"event_id": "' + own: "not JSON",
        b'"' + own + b'"': "expected an event object",
        b'{"event_id": "\\ud800' + own + b'"}': "not JSON",
        message(space, "u-1", value=float("nan"), event_id=None): "event_id",
        message(space, "someone@example.com"): "e-mail",
        message(space, "u-1", ts=int(time.time() * 1000) + 3_600_000): "ahead",
        message(space, "u-1", context="here")[:-7] + deep + b"}": "nested too deeply",
    }
    for value in unreadable:
        product.produce(value, user="u-1")
    product.produce(message(space, "u-1"), user="u-1")
    product.wait_applied()
    assert product.segments("u-1", space=space) == ["views"]
    letters = {letter.value: letter for letter in product.dead_letters() if letter.value in unreadable}
    assert letters.keys() == unreadable.keys()
    assert [letters[value].reason for value, reason in unreadable.items() if reason not in letters[value].reason] == []
    home = partition_of("u-1", product.settings.partitions)
    assert {(letter.key, letter.partition) for letter in letters.values()} == {(b"u-1", home)}
    assert len({letter.offset for letter in letters.values()}) == len(unreadable)


def test_an_event_on_another_users_partition_is_sent_home_and_counts_once(product: Product, space: str) -> None:
    product.define(one="count('view') == 1")
    partitions, users = product.settings.partitions, ["u-1", "u-2", "u-3"]
    for user in users:
        wrong = (partition_of(user, partitions) + 1) % partitions
        product.produce(message(space, user, ts=1000), user=user, partition=wrong)
    product.produce(message(space, "u-3", ts=1000), user="u-3")
    product.wait_applied()
    assert [product.segments(user, 1000, space) for user in users] == [["one"]] * 3


def test_what_grows_too_large_on_its_way_home_stops_nobody(product: Product, space: str) -> None:
    product.define(views="count('view') == 1")
    values = b"[%s]" % b",".join([b"1e9"] * 200_000)
    large = message(space, "u-1", properties={"value": "here"}).replace(b'"here"', values)
    home = partition_of("u-1", product.settings.partitions)
    product.produce(large, user="u-1", partition=(home + 1) % product.settings.partitions)
    product.produce(message(space, "u-1"), user="u-1")
    product.wait_applied()
    assert product.segments("u-1", space=space) == ["views"]
    assert [letter.partition for letter in product.dead_letters() if letter.value == large] == [
        (home + 1) % product.settings.partitions
    ]


def test_a_message_without_a_time_happened_when_the_log_took_it(product: Product, space: str) -> None:
    product.define(views="count('view') == 1")
    before_ms = time.time_ns() // 1_000_000
    product.produce(message(space, "u-1"), user="u-1")
    after_ms = time.time_ns() // 1_000_000
    product.wait_applied()
    [span] = product.lookup("u-1", after_ms + 60_000, space)["segments"]
    assert before_ms - 1 <= span["since"] <= after_ms + 1
