"""Records to events by user: what can be applied, what belongs elsewhere, what nobody can read. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from services.runtime.event_log.port import DeadLetter, Message, Record
from services.segmentation.changes import Place
from services.segmentation.events import Event, Fact, InvalidEvent, decode_fact, encode_event, encode_list_entry
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys

SHALLOW_BRACES = 250
"""Whatever has no more opening braces than that does not nest too deeply to be stored."""
MAX_BYTES = 1024 * 1024
"""Of records in a batch: decoded, JSON that means ill takes twenty times as much memory."""
REMEMBERED_HOMES = 16_384
"""Users whose partition is not worked out again; the busiest are always among them."""
MAX_STRAY_BYTES = 512 * 1024
"""Brokers take records of 1 MiB, and written anew an event may be longer than it was."""


HomeOf = Callable[[str], int]
"""Tells the partition of a user id."""


@dataclass
class Batch:
    """Records of one partition, [begin, end), sorted out."""

    end: int
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    """By member, in the order of the log."""
    places: dict[str, list[Place]] | None = None
    """Where each fact stands in the log, where anybody wants to know."""
    strays: list[tuple[int, Message]] = field(default_factory=list)
    """By offset, events that some producer put on a partition that is not their user's."""
    letters: list[DeadLetter] = field(default_factory=list)


def homes(partitions: int) -> HomeOf:
    """In a log of so many partitions."""
    return lru_cache(REMEMBERED_HOMES)(partial(partition_of, partitions=partitions))


def batches(
    records: Sequence[Record], home_of: HomeOf, max_users: Callable[[], int], *, placed: bool = False
) -> Iterator[Batch]:
    """Cut the records of one partition into batches of at most as many users as `max_users` says meanwhile."""
    batch, size = _empty(placed), 0
    for record in records:
        _sort_in(record, batch, home_of)
        batch.end = record.offset + 1
        size += len(record.value)
        if len(batch.facts) >= max_users() or size >= MAX_BYTES:
            yield batch
            batch, size = _empty(placed), 0
    if batch.end:
        yield batch


def _empty(placed: bool) -> Batch:
    return Batch(0, places={} if placed else None)


def _sort_in(record: Record, batch: Batch, home_of: HomeOf) -> None:
    try:
        fact = _read(record)
        home = home_of(fact.user_id)
        if home != record.partition:
            batch.strays.append((record.offset, _sent_home(fact, home)))
            return
    except InvalidEvent as error:
        batch.letters.append(DeadLetter(str(error), record.partition, record.offset, record.key, record.value))
        return
    member = keys.member(fact.space, fact.user_id)
    batch.facts.setdefault(member, []).append(fact)
    if batch.places is not None:
        batch.places.setdefault(member, []).append(Place(record.offset, record.appended_ms))


def _read(record: Record) -> Fact:
    """Raises InvalidEvent also for what nests too deeply, which the collector refuses and no recursion bears."""
    fact = decode_fact(record.value, record.appended_ms)
    if isinstance(fact, Event) and record.value.count(b"{") > SHALLOW_BRACES:
        encode_event(fact)
    return fact


def _sent_home(fact: Fact, home: int) -> Message:
    value = encode_event(fact) if isinstance(fact, Event) else encode_list_entry(fact)
    if len(value) > MAX_STRAY_BYTES:
        raise InvalidEvent(f"on another user's partition, and larger than {MAX_STRAY_BYTES} bytes")
    return Message(home, fact.user_id.encode(), value)
