"""What workers write of the sizes of segments beside plain numbers, and the API reads, as bytes.

Records are stored in pieces. A small one is of whole records, eight bytes each, the lowest first. Of many records most
bytes are 0, so a piece of many leaves out what is 0 in all of them: a byte tells which of the eight are stored, by
bits, and then come the lowest bytes of all records, the next ones of all, and so on. A piece of whole records is known
by its length, a multiple of eight: where another would be as long, it has one byte more.
"""

import struct
from collections.abc import Callable, Iterable, Sequence

from services.segmentation.wheel import Wheel

EncodeRecords = Callable[[Sequence[int]], bytes]

FEW = 8
"""Fewer records than that save little, and would take longer to write and to read than whole ones."""
_RECORD_BYTES = 8
_PLACES = [tuple(place for place in range(_RECORD_BYTES) if stored >> place & 1) for stored in range(256)]
_ALWAYS = (0, 4)
"""Two at least, so that a byte more is not taken for a record more."""


def encode_records(records: Sequence[int]) -> bytes:
    """As every release reads them."""
    return struct.pack(f"<{len(records)}Q", *records)


def encode_piece(records: Sequence[int]) -> bytes:
    whole, zeros = encode_records(records), bytes(len(records))
    if len(records) < FEW:
        return whole
    planes = [whole[place::_RECORD_BYTES] for place in range(_RECORD_BYTES)]
    places = [place for place, plane in enumerate(planes) if place in _ALWAYS or plane != zeros]
    piece = bytes([sum(1 << place for place in places)]) + b"".join(planes[place] for place in places)
    return piece if len(piece) % _RECORD_BYTES else piece + b"\0"


def decode_records(data: bytes) -> Sequence[int]:
    """Whole records alone."""
    return struct.unpack(f"<{len(data) // _RECORD_BYTES}Q", data)


def decode_pieces(pieces: Iterable[bytes]) -> Sequence[int]:
    """Those of a stretch, of whichever release."""
    return decode_records(b"".join(map(_whole, pieces)))


def _whole(piece: bytes) -> bytes | bytearray:
    if len(piece) % _RECORD_BYTES == 0:
        return piece
    places = _PLACES[piece[0]]
    number = (len(piece) - 1) // len(places)
    whole = bytearray(number * _RECORD_BYTES)
    for begin, place in enumerate(places):
        whole[place::_RECORD_BYTES] = piece[1 + begin * number : 1 + (begin + 1) * number]
    return whole


def encode_turn(name: str, now_ms: int, wheel: Wheel) -> str:
    """`name` says which write it was that left the counts as they are at `now_ms`, kept by a wheel."""
    return f"{name} {now_ms} {encode_wheel(wheel)}"


def decode_turn(turn: bytes) -> tuple[int, Wheel]:
    _, now_ms, wheel = turn.split(b" ", 2)
    return int(now_ms), decode_wheel(wheel)


def encode_wheel(wheel: Wheel) -> str:
    return " ".join(map(str, wheel))


def decode_wheel(text: bytes) -> Wheel:
    return Wheel(*map(int, text.split()))
