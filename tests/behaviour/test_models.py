"""Models while the stream goes on: groups find themselves, segments name them, and each keeps its id."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.local_stack.child_process import holds_within
from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import PATIENCE_S, Product, running

DAY_MS = 86_400_000
HABITS = {"readers": "page_view", "lookers": "product_view", "buyers": "purchase"}
PEOPLE = {
    "name": "People",
    "kind": "cluster",
    "parameters": {"n_clusters": 3},
    "warm_up": 100,
    "publish_every": 100,
    "features": {f"{habit}_lately": f'decayed("{habit}", halflife="14d")' for habit in HABITS.values()},
}
LIKE_BUYERS = {
    "name": "Like buyers",
    "kind": "lookalike",
    "seed": "buyers",
    "warm_up": 100,
    "publish_every": 100,
    "features": {"read": 'decayed("page_view", halflife="14d")', "looked": 'decayed("product_view", halflife="14d")'},
}
USERS = 60
"""Of each sort."""


class Crowd:
    """Three sorts of users, each of whom does one thing most of the time."""

    def __init__(self, now_ms: int) -> None:
        self._random, self._now_ms, self._number = Random(7), now_ms, 0
        self.users = {f"{sort}-{number}": sort for sort in HABITS for number in range(USERS)}

    def days(self, number: int, *, ago: int) -> Iterator[dict[str, Any]]:
        """So many days, the last of which was `ago` days before now."""
        for day in range(ago + number - 1, ago - 1, -1):
            for user in self._random.sample(sorted(self.users), len(self.users)):
                for _ in range(self._random.randint(1, 3)):
                    yield self._event(user, self._now_ms - day * DAY_MS - self._random.randrange(DAY_MS // 2))

    def _event(self, user: str, ts_ms: int) -> dict[str, Any]:
        self._number += 1
        types = list(HABITS.values())
        habit = HABITS[self.users[user]]
        event_type = habit if self._random.random() < 0.9 else self._random.choice(types)
        return {"event_id": f"e{self._number}", "user_id": user, "type": event_type, "ts": ts_ms}


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(int(time.time() * 1000))


@pytest.mark.long
def test_groups_find_themselves_keep_their_ids_and_are_segments(tmp_path: Path, crowd: Crowd) -> None:
    with running(Product(tmp_path, {"TRANCHE_PARTITIONS": "4", "TRANCHE_PUBLISH_SECONDS": "1"})) as product:
        finds_and_keeps(product, crowd)


def test_groups_find_themselves_on_kafka(tmp_path: Path, crowd: Crowd, kafka_bootstrap: str) -> None:
    env = {"TRANCHE_PARTITIONS": "4", "TRANCHE_PUBLISH_SECONDS": "1", **kafka_env(kafka_bootstrap)}
    with running(Product(tmp_path, env)) as product:
        finds_and_keeps(product, crowd)


def finds_and_keeps(product: Product, crowd: Crowd) -> None:
    assert put(product, "segments/group-c1", name="c1", rule='cluster("people") == "c1"').status_code == 422
    product.define(buyers='count("purchase") >= 3')
    assert put(product, "models/people", **PEOPLE).status_code == 201
    assert put(product, "models/like-buyers", **LIKE_BUYERS).status_code == 201
    product.wait_refreshed()  # the workers know of the models, and sample for them
    product.send(list(crowd.days(6, ago=4)))
    live = until_live(product, "people", newer_than=0)
    ids = [each["id"] for each in live["clusters"]]
    assert len(ids) == 3
    product.define(**{f"group-{each}": f'cluster("people") == "{each}"' for each in ids})
    product.define(alike='score("like-buyers") >= 0.7')

    first = groups(product, crowd)
    assert set(Counter(first.values()).values()) == {USERS}
    assert len({(crowd.users[user], group) for user, group in first.items()}) == 3
    alike = [crowd.users[user] for user in crowd.users if "alike" in product.segments(user)]
    assert Counter(alike).most_common(1)[0][0] == "buyers"
    told = product.api.get(f"/v1/users/readers-0/segments/{first['readers-0']}/explain").json()
    assert (told["in_segment"], told["tree"]["value"]) == (True, first["readers-0"].removeprefix("group-"))

    product.kill("trainer")
    product.send(list(crowd.days(4, ago=0)))
    newer = until_live(product, "people", newer_than=live["live"]["number"])
    product.wait_refreshed()
    second = groups(product, crowd)
    assert sum(first[user] == second[user] for user in crowd.users) >= 0.99 * len(crowd.users)

    back = product.api.put("/v1/models/people/snapshot", json={"version": live["live"]["number"]})
    assert back.is_success, back.text
    product.wait_refreshed()
    assert groups(product, crowd).keys() == first.keys()
    told = product.api.get("/v1/models/people").json()
    assert (told["live"]["number"], told["pinned"]) == (live["live"]["number"], True)
    assert product.api.delete("/v1/models/people/snapshot").is_success
    assert until_live(product, "people", newer_than=live["live"]["number"])["live"]["number"] >= newer["live"]["number"]


def put(product: Product, path: str, **definition: Any) -> Any:
    return product.api.put(f"/v1/{path}", json=definition)


def until_live(product: Product, model: str, newer_than: int) -> dict[str, Any]:
    """The model as the API tells of it, once all events are applied and a newer snapshot is live."""
    product.wait_applied()

    def number() -> int:
        live = product.api.get(f"/v1/models/{model}").json()["live"]
        return int(live["number"]) if live else 0

    assert holds_within(PATIENCE_S, lambda: number() > newer_than), product.condition()
    found: dict[str, Any] = product.api.get(f"/v1/models/{model}").json()
    return found


def groups(product: Product, crowd: Crowd) -> dict[str, str]:
    """The segment of a group that each user is in, which has to be one."""
    found = {user: _group_of(product.segments(user)) for user in crowd.users}
    assert None not in found.values()
    return {user: group for user, group in found.items() if group is not None}


def _group_of(segments: Sequence[str]) -> str | None:
    named = [each for each in segments if each.startswith("group-")]
    return named[0] if len(named) == 1 else None
