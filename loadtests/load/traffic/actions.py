"""What one arrival asks for. Everything follows from the seed and the arrival's number, so that runs can be repeated,
with however many processes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from loadtests.load.traffic.visitors import SPACE, Event, Visitor
from loadtests.load.traffic.zipf import Zipf

BATCH_USERS = 100
PAGE_SLOTS = range(3, 9)
REQUEST_CONTEXT_PART = 0.5
"""The part of the lookups that tell of the ad request."""


class Ask(NamedTuple):
    """One request. `body` empty: a GET."""

    kind: str
    path: str
    body: bytes = b""
    key: bytes = b""
    """Of an event: its user, by which Kafka places it."""


@dataclass(frozen=True)
class Crowd:
    """Who comes: `users` visitors, some much more often than others. `run` tells the events of runs apart."""

    seed: int
    users: int
    exponent: float
    run: str

    @property
    def zipf(self) -> Zipf:
        return Zipf(self.users, self.exponent)


class Moment(NamedTuple):
    """One arrival: its number, its wall-clock time, who comes, and chance."""

    number: int
    now_ms: int
    visitor: Visitor
    random: Random
    crowd: Crowd
    draw: Callable[[], Visitor]


Action = Callable[[Moment], Sequence[Ask]]


class Actions:
    """Makes the requests of arrivals: `actions` with their weights."""

    def __init__(self, crowd: Crowd, actions: Sequence[tuple[float, Action]]) -> None:
        self._crowd, self._zipf = crowd, crowd.zipf
        self._weights = [weight for weight, _ in actions]
        self._actions = [action for _, action in actions]
        self._random = Random()  # noqa: S311 - traffic, no secret

    def of(self, number: int, now_ms: int) -> Sequence[Ask]:
        """The requests of the arrival with this number; those of another arrival are no part of its chance."""
        self._random.seed(self._crowd.seed << 40 | number)
        action = self._random.choices(self._actions, self._weights)[0]
        return action(Moment(number, now_ms, self._visitor(), self._random, self._crowd, self._visitor))

    def _visitor(self) -> Visitor:
        return Visitor(self._zipf.draw(self._random), self._crowd.seed)


def lookup(moment: Moment) -> Sequence[Ask]:
    """An ad server asks about one user."""
    return [_lookup(moment.visitor, moment.random)]


def event(moment: Moment) -> Sequence[Ask]:
    """A website tells of one event."""
    told = moment.visitor.event(f"{moment.crowd.run}-{moment.number}", moment.now_ms, moment.random)
    return [_event(told)]


def page(moment: Moment) -> Sequence[Ask]:
    """A page is opened: the view of it, and one lookup for each of its ad slots at the same moment."""
    slots = moment.random.choice(PAGE_SLOTS)
    return [*event(moment), *(_lookup(moment.visitor, moment.random) for _ in range(slots))]


def batch(moment: Moment) -> Sequence[Ask]:
    """A campaign asks about many users at once."""
    users = [moment.draw().user_id for _ in range(BATCH_USERS)]
    body = {"user_ids": users, "space": SPACE, "fields": "ids"}
    return [Ask("batch", "/v1/lookup", json.dumps(body).encode())]


def _lookup(visitor: Visitor, random: Random) -> Ask:
    told = ""
    if random.random() < REQUEST_CONTEXT_PART:
        told = f"&request.device.type={visitor.device['type']}&request.timezone=Europe/Paris"
    return Ask("lookup", f"/v1/users/{visitor.user_id}/segments?space={SPACE}{told}")


def _event(told: Event) -> Ask:
    return Ask("event", "/v1/events", json.dumps(told, separators=(",", ":")).encode(), told["user_id"].encode())
