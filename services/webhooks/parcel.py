"""From records of the changes stream to what is sent of them, and how far that goes. Pure.

The id of a delivery is made of the ids of its changes: sent again it is the same, whoever sends it.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from services.runtime.event_log.port import Record

_ID_BYTES = 16
_NEEDED = ("id", "segment", "space", "user_id")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes a receiver wants; None for all."""

    segments: Collection[str] | None = None
    spaces: Collection[str] | None = None

    def wants(self, change: Mapping[str, object]) -> bool:
        wanted = ((self.segments, change["segment"]), (self.spaces, change["space"]))
        return all(some is None or one in some for some, one in wanted)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery. Positions are by partition: the offset of the next change to deliver."""

    begins: Mapping[int, int]
    ends: Mapping[int, int]
    changes: int = 0
    """0 where there is nothing to send."""
    unreadable: int = 0
    message_id: str = ""
    body: bytes = b""
    oldest_ms: int = 0
    """When the oldest of the changes was told, by the log's clock."""


def pack(hook_id: str, wanted: Filter, records: Sequence[Record], positions: Mapping[int, int]) -> Parcel:
    """Pack what is wanted of the records, which begin at `positions`, as it stands in the log."""
    ends = {each.partition: each.offset + 1 for each in records}
    begins = {partition: positions[partition] for partition in ends}
    read = [(record, _change(record)) for record in records]
    chosen = [(record, change) for record, change in read if change and wanted.wants(change)]
    unreadable = sum(change is None for _record, change in read)
    if not chosen:
        return Parcel(begins, ends, unreadable=unreadable)
    return Parcel(
        begins,
        ends,
        len(chosen),
        unreadable,
        _message_id(hook_id, (str(change["id"]) for _record, change in chosen)),
        b'{"changes":[%s]}' % b",".join(record.value for record, _change in chosen),
        min(record.appended_ms for record, _change in chosen),
    )


def _change(record: Record) -> Mapping[str, object] | None:
    """None for what is no change: others may write to the topic."""
    try:
        change = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return None
    told = isinstance(change, dict) and all(isinstance(change.get(name), str) for name in _NEEDED)
    return change if told else None


def _message_id(hook_id: str, change_ids: Iterable[str]) -> str:
    text = "\n".join((hook_id, *change_ids))
    return "msg_" + hashlib.blake2b(text.encode(errors="replace"), digest_size=_ID_BYTES).hexdigest()
