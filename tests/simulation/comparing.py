"""What Redis holds of a partition, and whether it is what the log defines as far as its watermark: at any moment."""

from collections import defaultdict
from functools import cached_property, lru_cache
from typing import Any

from services.runtime.event_log.port import Record
from services.segmentation.events import Fact, InvalidEvent, decode_fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership
from services.segmentation.partitions import partition_of
from services.segmentation.profile import add_all
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile
from tests.simulation.event_log import SimulatedLog
from tests.simulation.memory_redis import MemoryRedis, Value


class Partition:
    """As it is now: what was looked at is not looked at again."""

    def __init__(self, number: int, redis: MemoryRedis, log: SimulatedLog) -> None:
        self.number, self._redis, self._log = number, redis, log
        self._tag = b"{p%02d}:" % number

    def get(self, name: bytes, default: Any = None) -> Any:
        return self._redis.contents.get(self._tag + name, default)

    def number_at(self, name: bytes) -> int:
        return int(self.get(name, b"0"))

    @cached_property
    def memberships(self) -> dict[str, Membership]:
        return {member: decode_membership(value) for member, value in self.below(b"m:").items()}

    def below(self, prefix: bytes) -> dict[str, Value]:
        whole = self._tag + prefix
        return {
            name[len(whole) :].decode(): value for name, value in self._redis.contents.items() if name.startswith(whole)
        }

    @cached_property
    def facts(self) -> dict[str, list[Fact]]:
        """Of each member, in the order of the log."""
        found: defaultdict[str, list[Fact]] = defaultdict(list)
        for _, fact in self._applied:
            if fact is not None and self._is_home_of(fact):
                found[keys.member(fact.space, fact.user_id)].append(fact)
        return dict(found)

    def compare_profiles(self) -> None:
        """Nothing is lost, nothing counted twice, and nobody is there whom the log does not know."""
        true = {member: add_all(None, facts, KEEP_ALL) for member, facts in self.facts.items()}
        assert {name: decode_profile(value) for name, value in self.below(b"s:").items()} == true
        assert self.memberships.keys() == true.keys()
        latest = {member.encode(): profile.latest_ms for member, profile in true.items() if profile}
        assert self.get(b"users", {}) == latest

    def compare_strays(self) -> None:
        """What could not be applied here went where it belongs, before the watermark passed it."""
        letters = {(letter.partition, letter.offset, letter.value) for letter in self._log.letters}
        for record, fact in self._applied:
            if fact is None:
                assert (record.partition, record.offset, record.value) in letters
            elif not self._is_home_of(fact):
                home = self._log.records[_home_of(fact.user_id, len(self._log.ends))]
                assert any(_read(other.value, other.appended_ms) == fact for other in home), record

    @cached_property
    def _applied(self) -> list[tuple[Record, Fact | None]]:
        watermark = self.number_at(b"wm")
        here = (record for record in self._log.records[self.number] if record.offset < watermark)
        return [(record, _read(record.value, record.appended_ms)) for record in here]

    def _is_home_of(self, fact: Fact) -> bool:
        return _home_of(fact.user_id, len(self._log.ends)) == self.number


_home_of = lru_cache(maxsize=64)(partition_of)
"""Of the few users that there are."""


@lru_cache(maxsize=10_000)
def _read(value: bytes, appended_ms: int) -> Fact | None:
    try:
        return decode_fact(value, appended_ms)
    except InvalidEvent:
        return None
