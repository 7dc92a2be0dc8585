"""Where the product's contract puts a key: Kafka's default partitioner, which not every client has."""

import struct
from functools import lru_cache

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C
_REMEMBERED = 65_536
"""Keys: the busy ones come again and again, and there may be ten million."""


@lru_cache(_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> int:
    """As Kafka's Java client: murmur2 without its sign bit, modulo the number of partitions."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(key: bytes) -> int:
    """MurmurHash2 by Austin Appleby, 32 bits, little endian, with Kafka's seed."""
    state = _SEED ^ len(key)
    whole = len(key) - len(key) % 4
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        scrambled = word * _MULTIPLIER & _MASK
        state = state * _MULTIPLIER & _MASK ^ (scrambled ^ scrambled >> 24) * _MULTIPLIER & _MASK
    if rest := key[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    state = (state ^ state >> 13) * _MULTIPLIER & _MASK
    return state ^ state >> 15
