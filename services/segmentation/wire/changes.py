"""What is told, as bytes: a change as the JSON that consumers read, and in MessagePack what was told of a user."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgpack
import orjson

from services.segmentation.changes import Ahead, Change, Heard, Mark, Spoken, Told
from services.segmentation.wire import keys
from services.segmentation.wire.version import check_version, decoder

TOLD_VERSION = 2
LOST_VERSION = 3
"""Of what was told of a user of whom something was lost, now or ever; few are. An earlier Tranche reads none of it."""
WAITING_VERSION = 1
MARKS_VERSION = 1

_NAMES = {"at_ms": "at", "until_ms": "until"}
_FIELDS = {_NAMES.get(field, field): field for field in Change._fields}


def encode_change(change: Change) -> bytes:
    """As the changes log carries it; moments are milliseconds since 1970."""
    return orjson.dumps(_message(change))


def decode_change(data: bytes) -> Change:
    """Read what `encode_change` wrote, be it of a later version that says more. Raises ValueError."""
    message = orjson.loads(data)
    try:
        return Change(**{field: message[name] for name, field in _FIELDS.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a change: {type(error).__name__}") from error


def pack_changes(changes: Iterable[Change], teller: str, number: int) -> bytes:
    """As they wait to be published: whatever publishes them needs to know no more than whose they are.

    `number` is that of the first among all that the teller has told.
    """
    told = ((each.user_id, _signed(each, teller, at)) for at, each in enumerate(changes, number))
    packed: bytes = msgpack.packb([WAITING_VERSION, *told])
    return packed


def decode_spoken(data: bytes) -> Spoken | None:
    """What the changes log carries; None for what an earlier Tranche has put there, or somebody else."""
    try:
        message = orjson.loads(data)
        heard = Heard(message["id"], message["segment"], message["change"] == "entered", int(message["at"]))
        member = keys.member(message["space"], message["user_id"])
        return Spoken(str(message["teller"]), int(message["number"]), member, heard)
    except (ValueError, KeyError, TypeError):
        return None


def encode_marks(position: int | None, marks: Mapping[str, Mark], *, ahead: bool) -> bytes:
    """How far the changes log was read, whose changes were told and seen, and whether consumers are ahead."""
    return orjson.dumps([MARKS_VERSION, position, {teller: [*mark] for teller, mark in marks.items()}, ahead])


@decoder
def decode_marks(data: bytes) -> tuple[int | None, dict[str, Mark], bool]:
    """Read what `encode_marks` wrote. Raises UnknownCodec."""
    version, *rest = orjson.loads(data)
    check_version("heard", version, MARKS_VERSION)
    position, marks, ahead = rest
    return position, {teller: Mark(*both) for teller, both in marks.items()}, ahead


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
    if told.ahead or told.salt:
        ahead = told.ahead and [told.ahead.last, *told.ahead.changes]
        body = [LOST_VERSION, *body[1:], told.salt, ahead]
    packed: bytes = msgpack.packb(body)
    return packed


@decoder
def decode_told(data: bytes) -> Told:
    """Read what `encode_told` wrote. Raises UnknownCodec."""
    version, *rest = msgpack.unpackb(data)
    check_version("told", version, TOLD_VERSION, LOST_VERSION)
    at_ms, due_ms, consents, inside, times, *lost = rest
    by_time = {segment: at_ms - ago_ms for segment, ago_ms in times.items()}
    told = Told(at_ms, frozenset(inside), by_time, due_ms, consents)
    return _with_lost(told, *lost) if lost else told


def _with_lost(told: Told, salt: int, found: list[Any] | None) -> Told:
    last, *changes = found or [None]
    ahead = None if found is None else Ahead(last, tuple(Heard(*each) for each in changes))
    return told._replace(salt=salt, ahead=ahead)


def _signed(change: Change, teller: str, number: int) -> bytes:
    """With who tells it: of no use to who reads it."""
    return orjson.dumps(_message(change) | {"teller": teller, "number": number})


def _message(change: Change) -> dict[str, object]:
    return dict(zip(_FIELDS, change, strict=True))
