"""What websites and the API send: a few users' events, late, early, again and again, to the wrong place, or broken."""

from dataclasses import replace
from random import Random

from services.runtime.event_log.port import Message
from services.segmentation.events import Event, Fact, ListEntry, encode_event, encode_list_entry
from services.segmentation.partitions import partition_of

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
USERS = [(space, f"u{number}") for number in range(4) for space in ("default", "shop")]
BROKEN = (b"", b"{", b"[]", b'{"event_id": "e", "user_id": "a@b.c", "type": "view"}', b"\xff", b'{"list": 1}')


class Websites:
    def __init__(self, random: Random, partitions: int) -> None:
        self._random, self._partitions = random, partitions
        self._users = random.sample(USERS, random.choice((1, 1, 2, 2, 2, 8)))
        self._sent: list[Fact] = []

    def messages(self, now_ms: int) -> list[Message]:
        return [self._message(now_ms) for _ in range(self._random.choice((1, 1, 2, 4)))]

    def _message(self, now_ms: int) -> Message:
        chance = self._random.random()
        if chance < 0.02:
            return Message(self._any_partition(), b"k", self._random.choice(BROKEN))
        fact = self._again() if self._sent and chance < 0.25 else self._new(now_ms)
        self._sent.append(fact)
        home = partition_of(fact.user_id, self._partitions)
        value = encode_event(fact) if isinstance(fact, Event) else encode_list_entry(fact)
        return Message(self._any_partition() if chance > 0.97 else home, fact.user_id.encode(), value)

    def _again(self) -> Fact:
        """The same, or something else under a known id."""
        fact = self._random.choice(self._sent)
        if isinstance(fact, Event) and self._random.random() < 0.3:
            return replace(fact, type="buy", ts_ms=fact.ts_ms - 1, properties={"value": 5})
        return fact

    def _new(self, now_ms: int) -> Fact:
        random, number = self._random, len(self._sent)
        space, user = random.choice(self._users)
        ts_ms = self._moment(now_ms)
        if random.random() < 0.1:
            until_ms = random.choice((None, ts_ms + random.randrange(2 * HOUR_MS)))
            return ListEntry(f"l{number}", user, "vips", ts_ms, space, random.random() < 0.7, until_ms)
        kind = random.choice(("view", "view", "view", "buy"))
        properties = {"value": random.randrange(1, 20), "category": random.choice(("shoes", "hats"))}
        purposes = frozenset(random.sample((1, 3, 4), 2)) if random.random() < 0.1 else None
        return Event(f"e{number}", user, kind, ts_ms, space, properties, purposes=purposes)

    def _moment(self, now_ms: int) -> int:
        random = self._random
        ago_ms = random.randrange(random.choice((1, 5_000, 2 * MINUTE_MS, HOUR_MS, 4 * DAY_MS)))
        if random.random() < 0.1:
            ago_ms = -random.randrange(8 * MINUTE_MS)  # too far ahead for the log, now and then
        ts_ms = now_ms - ago_ms
        return ts_ms - ts_ms % MINUTE_MS if random.random() < 0.2 else ts_ms

    def _any_partition(self) -> int:
        return self._random.randrange(self._partitions)
