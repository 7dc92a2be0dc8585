"""What is told, as bytes: a change as the JSON that consumers read, and in MessagePack what was told of a user."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgpack
import orjson

from services.segmentation.changes import Change, Told
from services.segmentation.wire.version import check_version, decoder

TOLD_VERSION = 2
WAITING_VERSION = 1

_NAMES = {"at_ms": "at", "until_ms": "until"}
_FIELDS = {_NAMES.get(field, field): field for field in Change._fields}


def encode_change(change: Change) -> bytes:
    """As the changes log carries it; moments are milliseconds since 1970."""
    return orjson.dumps(dict(zip(_FIELDS, change, strict=True)))


def decode_change(data: bytes) -> Change:
    """Read what `encode_change` wrote, be it of a later version that says more. Raises ValueError."""
    message = orjson.loads(data)
    try:
        return Change(**{field: message[name] for name, field in _FIELDS.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a change: {type(error).__name__}") from error


def pack_changes(changes: Iterable[Change]) -> bytes:
    """As they wait to be published: whatever publishes them needs to know no more than whose they are."""
    packed: bytes = msgpack.packb([WAITING_VERSION, *((each.user_id, encode_change(each)) for each in changes)])
    return packed


@decoder
def unpack_changes(data: bytes) -> Sequence[tuple[str, bytes]]:
    """User id and JSON of each, in order. Raises UnknownCodec."""
    version, *changes = msgpack.unpackb(data)
    check_version("outbox", version, WAITING_VERSION)
    return [(user_id, value) for user_id, value in changes]


def encode_told(told: Told) -> bytes:
    inside = sorted(told.inside)
    times = {segment: told.at_ms - moment for segment, moment in sorted(told.by_time.items())}
    body: list[Any] = [TOLD_VERSION, told.at_ms, told.due_ms, told.consents, inside, times]
    packed: bytes = msgpack.packb(body)
    return packed


@decoder
def decode_told(data: bytes) -> Told:
    """Read what `encode_told` wrote. Raises UnknownCodec."""
    version, *rest = msgpack.unpackb(data)
    check_version("told", version, TOLD_VERSION)
    at_ms, due_ms, consents, inside, times = rest
    by_time = {segment: at_ms - ago_ms for segment, ago_ms in times.items()}
    return Told(at_ms, frozenset(inside), by_time, due_ms, consents)
