"""Records to events by user: what can be applied, what belongs elsewhere, what nobody can read. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.runtime.event_log.port import DeadLetter, Message, Record
from services.segmentation.events import Event, InvalidEvent, decode_event, encode_event
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys

MAX_USERS = 100
"""Users that one script writes: more would keep lookups waiting."""
SHALLOW_BRACES = 250
"""Whatever has no more opening braces than that does not nest too deeply to be stored."""
MAX_STRAY_BYTES = 512 * 1024
"""Brokers take records of 1 MiB, and written anew an event may be longer than it was."""


@dataclass
class Batch:
    """Records of one partition, [begin, end), sorted out."""

    end: int
    events: dict[str, list[Event]] = field(default_factory=dict)
    """By member, in the order of the log."""
    strays: list[Message] = field(default_factory=list)
    """Events that some producer put on a partition that is not their user's."""
    letters: list[DeadLetter] = field(default_factory=list)


def batches(records: Sequence[Record], partitions: int) -> Iterator[Batch]:
    """Cut the records of one partition into batches of at most `MAX_USERS` users."""
    batch = Batch(0)
    for record in records:
        _sort_in(record, batch, partitions)
        batch.end = record.offset + 1
        if len(batch.events) == MAX_USERS:
            yield batch
            batch = Batch(0)
    if batch.end:
        yield batch


def _sort_in(record: Record, batch: Batch, partitions: int) -> None:
    try:
        event = _read(record)
        home = partition_of(event.user_id, partitions)
        if home != record.partition:
            batch.strays.append(_sent_home(event, home))
            return
    except InvalidEvent as error:
        batch.letters.append(DeadLetter(str(error), record.partition, record.offset, record.key, record.value))
        return
    batch.events.setdefault(keys.member(event.space, event.user_id), []).append(event)


def _read(record: Record) -> Event:
    """Raises InvalidEvent also for what nests too deeply, which the collector refuses and no recursion bears."""
    event = decode_event(record.value, record.appended_ms)
    if record.value.count(b"{") > SHALLOW_BRACES:
        encode_event(event)
    return event


def _sent_home(event: Event, home: int) -> Message:
    value = encode_event(event)
    if len(value) > MAX_STRAY_BYTES:
        raise InvalidEvent(f"on another user's partition, and larger than {MAX_STRAY_BYTES} bytes")
    return Message(home, event.user_id.encode(), value)
