"""Users of every sort to export, and what an export says of them."""

from collections.abc import Iterable
from random import Random
from typing import Any

import httpx
import orjson

from services.runtime.clock import now_ms
from services.segmentation.events import Event
from tests.segment_api.stored import event

HOUR = 3_600_000
NOW = now_ms()


def shoppers(size: int) -> dict[str, list[Event]]:
    """Users of every sort: buyers at different times, with consent and without, some judged by profile alone."""
    random = Random(11)
    return {f"u{index}": _history(f"u{index}", index, random) for index in range(size)}


async def exported(tools: httpx.AsyncClient, segment_id: str, **params: Any) -> list[dict[str, Any]]:
    """The lines of an export as objects."""
    response = await tools.get(f"/v1/segments/{segment_id}/members", params=params)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.text.splitlines()]


def members_of(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The member lines by user. Fails where a user is told twice."""
    rows = [line for line in lines if "user_id" in line]
    found = {row["user_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def _history(user_id: str, index: int, random: Random) -> list[Event]:
    purposes = random.choice([None, frozenset({1}), frozenset({1, 3})])
    bought = [event("purchase", NOW - random.randrange(4 * HOUR), user_id)] if random.random() < 0.6 else []
    visits = 1 if index % 4 else random.randrange(2, 14)  # many come and go more often than a membership holds
    return [
        *(event("visit", NOW - (index % 9 + each * 2) * HOUR, user_id, purposes=purposes) for each in range(visits)),
        *bought,
    ]
