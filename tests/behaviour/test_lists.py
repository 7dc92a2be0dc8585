"""From an uploaded list of ids to a segment in a lookup: who is on it, until when, whatever is killed meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from services.local_stack.child_process import holds_within
from services.segmentation.partitions import partition_of
from tests.behaviour.conftest import EMBEDDED
from tests.behaviour.product import PATIENCE_S, Product, running
from tests.behaviour.test_events_to_segments import HOUR_MS, event

LINES = {"Content-Type": "text/plain"}


def upload(product: Product, list_id: str, users: list[str], action: str = "", **params: Any) -> dict[str, Any]:
    """Once it is applied, what was answered."""
    body = "".join(f"{user}\n" for user in users)
    answer = product.api.post(
        f"/v1/lists/{list_id}/members{action}", content=body, params=params, headers=LINES, timeout=60
    )
    assert answer.status_code == 202, answer.text
    product.wait_applied()
    told: dict[str, Any] = answer.json()
    return told


def test_who_is_put_on_a_list_is_in_its_segment_until_taken_off(product: Product, space: str) -> None:
    product.define(listed="listed('vip')", others="not listed('vip')")
    upload(product, "vip", ["u-1", "u-2"], space=space)
    assert product.segments("u-1", space=space) == ["listed"]
    upload(product, "vip", ["u-1"], "/remove", space=space)
    assert product.segments("u-1", space=space) == ["others"]
    assert product.segments("u-2", space=space) == ["listed"]
    assert not product.lookup("u-3", space=space)["known"]
    assert product.segments("u-1", space=f"{space}x") == []


def test_an_expiry_ends_at_the_very_millisecond(product: Product, space: str) -> None:
    product.define(listed="listed('vip')", others="not listed('vip')")
    until_ms = int(time.time() * 1000) + HOUR_MS
    upload(product, "vip", ["u-1"], space=space, expires=until_ms)
    [inside] = product.lookup("u-1", until_ms - 1, space)["segments"]
    assert (inside["id"], inside["until"]) == ("listed", until_ms)
    assert product.segments("u-1", until_ms, space) == ["others"]
    upload(product, "vip", ["u-1"], space=space, **{"for": "2h"})
    assert product.segments("u-1", until_ms, space) == ["listed"]


def test_a_list_keeps_people_out_of_a_segment_of_events(product: Product, space: str) -> None:
    product.define(offer="count('view') >= 1 and not listed('customers')", all="count('view') >= 1")
    product.send([event(space, "e-1", user) for user in ("u-1", "u-2")])
    upload(product, "customers", ["u-2"], space=space)
    assert product.segments("u-1", space=space) == ["all", "offer"]
    assert product.segments("u-2", space=space) == ["all"]


def test_a_segment_that_is_made_later_knows_who_was_listed_before(product: Product, space: str) -> None:
    upload(product, "vip", ["u-1"], space=space)
    product.define(late="listed('vip')")
    assert product.segments("u-1", space=space) == ["late"]


def test_an_upload_that_is_repeated_undoes_no_later_one(product: Product, space: str) -> None:
    product.define(listed="listed('vip')")
    name = f"first-{space[:20]}"
    upload(product, "vip", ["u-1"], space=space, upload=name)
    upload(product, "vip", ["u-1"], "/remove", space=space)
    assert upload(product, "vip", ["u-1"], space=space, upload=name)["accepted"] == 1
    assert product.segments("u-1", space=space) == []


def test_nobody_can_list_themselves_at_the_public_door(product: Product, space: str) -> None:
    product.define(listed="listed('vip')")
    entry = {"event_id": "e-1", "user_id": "u-1", "space": space, "list": "vip", "ts": 1, "listed": True}
    bad = [
        entry,
        entry | {"type": "view"},
        {**event(space, "e-2"), "listed": True},
        {**event(space, "e-3"), "until": 9},
    ]
    for sent in bad:
        answer = product.collector.post("/v1/events", content=orjson.dumps(sent))
        assert answer.status_code == 422
        assert answer.json()["accepted"] == 0
    product.send([event(space, "e-4", properties={"list": "vip", "listed": True})])
    product.wait_applied()
    assert product.segments("u-1", space=space) == []


def test_an_entry_on_the_wrong_partition_is_brought_home(product: Product, space: str) -> None:
    product.define(listed="listed('vip')")
    entry = {"event_id": "e-1", "user_id": "u-1", "space": space, "list": "vip", "ts": 1, "listed": True}
    partitions = product.settings.partitions
    product.produce(orjson.dumps(entry), user="u-1", partition=(partition_of("u-1", partitions) + 1) % partitions)
    product.wait_applied()
    assert product.segments("u-1", 2, space) == ["listed"]


def test_a_worker_that_is_killed_meanwhile_loses_nobody(data_dir: Path) -> None:
    users = [f"u-{number}" for number in range(8_000)]
    with running(Product(data_dir, EMBEDDED)) as product, ThreadPoolExecutor() as pool:
        product.define(listed="listed('vip')")
        uploading = pool.submit(upload, product, "vip", users)
        assert holds_within(PATIENCE_S, lambda: product.status()["lag"] > 0)
        product.kill("worker")
        assert uploading.result()["accepted"] == len(users)
        found = product.lookup_many(users, int(time.time() * 1000))
    listed = [user for user in users if [each["id"] for each in found[user]["segments"]] == ["listed"]]
    assert listed == users
