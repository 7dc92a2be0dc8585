"""What workers write of the sizes of segments beside plain numbers, and the API reads, as bytes."""

import struct
from collections.abc import Sequence

from services.segmentation.wheel import Wheel

_RECORD_BYTES = 8


def encode_records(records: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(records)}Q", *records)


def decode_records(data: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(data) // _RECORD_BYTES}Q", data)


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
