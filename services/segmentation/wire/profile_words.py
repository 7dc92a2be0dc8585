"""What the parts of a profile say, as bytes: MessagePack, and deflated (RFC 1951) where it is long.

Deflating takes some ten microseconds and saves a short text little. What many profiles say is known beforehand.
"""

import zlib
from typing import Any

import msgpack

_LONG = 256
"""Bytes from which on words are deflated."""

_PRIMER = (
    b"silver\xa4gold\xacEurope/London\xadEurope/Berlin\xacEurope/Paris"
    b"\x9c\x0c\xa7Firefox\x0b\xa5Linux\x0a\xa6tablet\x0e\xa2GB\x9c\x0c\xa4Edge\x0b\xa7Windows\x0a\xa7desktop\x0e\xa2US"
    b"\x9c\x0c\xa6Chrome\x0b\xa7Android\x0a\xa6mobile\x0e\xa2DE\x9c\x0c\xa6Safari\x0b\xa3iOS\x0a\xa6mobile\x0e\xa2FR"
    b"\x0f\xa2R\x11\x92\x18\x91\x98\x96\x02\x06\x00\x01\x04\x03\x92\x16\x91\x96\x94\x02\x00\x01\x03\x91\x00\x91"
)
"""Pieces of usual words, with their lengths and the numbers of their names. Codec 4 is read with this and no other."""

_WINDOW, _MEMORY = -11, 4
"""Two kilobytes to look back at, without a header; and little to copy for each profile."""
_DEFLATE = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _PRIMER)
_INFLATE = zlib.decompressobj(_WINDOW, _PRIMER)


def words_out(parts: list[Any]) -> tuple[bool, bytes]:
    """Whether they are deflated, and the words."""
    words: bytes = msgpack.packb(parts)
    if len(words) < _LONG:
        return False, words
    deflate = _DEFLATE.copy()
    return True, deflate.compress(words) + deflate.flush()


def words_in(is_deflated: bool, words: bytes) -> tuple[Any, ...]:
    """The parts, with tuples for lists. Raises whatever damaged ones raise."""
    parts: tuple[Any, ...] = msgpack.unpackb(inflated(words) if is_deflated else words, use_list=False)
    return parts


def inflated(words: bytes) -> bytes:
    """Raises zlib.error where they are damaged."""
    return _INFLATE.copy().decompress(words)
