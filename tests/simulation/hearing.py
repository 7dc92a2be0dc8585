"""Who listens to the changes: whether what was published ends where the oracle is, each change taken once by its id."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from services.segmentation.catalog import Catalog
from services.segmentation.events import Event, Fact
from services.segmentation.wire import keys
from tests.oracle.judge import first_arrivals, judge
from tests.simulation.comparing import Partition
from tests.simulation.event_log import SimulatedLog


class Heard(NamedTuple):
    """What a change says that must be the same whenever it is published."""

    member: str
    segment: str
    change: str


def compare_told(partition: Partition, changes: SimulatedLog, catalog: Catalog, now_ms: int) -> None:
    told = _told(changes, partition.number)
    for member, facts in partition.facts.items():
        at_ms = max(now_ms, *(fact.ts_ms for fact in facts))
        assert told.pop(member, set()) == _true(catalog, facts, at_ms), member
    assert not any(told.values()), told


def _told(changes: SimulatedLog, partition: int) -> dict[str, set[str]]:
    """By member, the segments that a consumer believes the user to be in."""
    known: dict[str, Heard] = {}
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for record in changes.records[partition]:
        told = orjson.loads(record.value)
        heard = Heard(keys.member(told["space"], told["user_id"]), told["segment"], told["change"])
        assert record.key.decode() == told["user_id"]
        if known.setdefault(told["id"], heard) is not heard:
            assert known[told["id"]] == heard
            continue
        assert (heard.change == "left") == (heard.segment in inside[heard.member]), (
            "a change is missing or out of order"
        )
        inside[heard.member] ^= {heard.segment}
    return dict(inside)


def _true(catalog: Catalog, facts: Sequence[Fact], at_ms: int) -> set[str]:
    rules = {segment_id: segment.rule for segment_id, segment in catalog.segments.items()}
    granted = _granted(facts)
    return {
        segment_id
        for segment_id, segment in catalog.segments.items()
        if (granted is None or granted.issuperset(segment.definition.purposes))
        and judge(rules[segment_id], facts, at_ms, segments=rules)
    }


def _granted(facts: Sequence[Fact]) -> frozenset[int] | None:
    """The purposes of the newest consent record."""
    events = first_arrivals([fact for fact in facts if isinstance(fact, Event)])
    records = [event for event in events if event.purposes is not None]
    return max(records, key=lambda event: (event.ts_ms, event.event_id)).purposes if records else None
