"""Which partition of the log an event belongs to: where Kafka's default partitioner would put its key."""

import struct

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


def partition_of(key: str | bytes, partitions: int) -> int:
    """The partition, from 0 to `partitions` - 1, of a record key; a str stands for its UTF-8 bytes.

    As in Kafka's Java client: murmur2 of the key without its sign bit, modulo the number of partitions.
    """
    data = key.encode() if isinstance(key, str) else key
    return (_murmur2(data) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """Austin Appleby's MurmurHash2, 32 bits, little endian, with the seed that Kafka uses."""
    whole = len(data) & ~3
    mixed = _SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * _MULTIPLIER & _MASK  # noqa: PLW2901 - rounds read best in place
        mixed = (mixed * _MULTIPLIER & _MASK) ^ ((word ^ word >> 24) * _MULTIPLIER & _MASK)
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _MASK
    return mixed ^ mixed >> 15
