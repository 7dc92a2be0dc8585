"""Whether the sizes of segments in a partition are those of the memberships that it holds: counted one by one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import cast

from services.segmentation.sizes import MAX_SPACES, ORDINALS
from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS
from services.segmentation.wire import keys
from services.segmentation.wire.sizes import decode_records, decode_turn
from tests.simulation.comparing import Partition

Boundary = tuple[int, int, int]
"""When a size changes, which one, and by how much."""
_LENGTHS_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def compare_sizes(partition: Partition, random: Random) -> None:
    turn = partition.get(b"turn")
    if turn is None:
        assert not partition.memberships
        return
    written_ms, wheel = decode_turn(cast("bytes", turn))
    stretches = {name: list(_boundaries(name, value)) for name, value in partition.below(b"moments:").items()}
    for name, sums in partition.below(b"sizes:").items():
        assert _numbers(sums) == _at(None, stretches[name]), name
    boundaries = [each for found in stretches.values() for each in found]
    over, earliest_ms = Counter(_numbers(partition.get(b"sizes", {}))), max(written_ms, wheel.over_ms)
    for at_ms in _moments(earliest_ms, boundaries, random):
        kept = over.copy()
        kept.update(_at(at_ms, boundaries))
        assert {counter: size for counter, size in kept.items() if size} == _recount(partition, at_ms), at_ms


def _recount(partition: Partition, at_ms: int) -> Mapping[int, int]:
    spaces = [space.decode() for space in cast("list[bytes]", partition.get(b"spaces", []))]
    return Counter(
        spaces.index(keys.space_of(member)) * ORDINALS + span.ordinal
        for member, membership in partition.memberships.items()
        if membership.counted
        for span in membership.at(at_ms)
    )


def _boundaries(name: str, lists: object) -> Iterator[Boundary]:
    begin_ms = int(name[1:]) * _LENGTHS_MS[name[0]]
    for record in decode_records(b"".join(cast("list[bytes]", lists))):
        yield begin_ms + 1 + (record >> 37), (record >> 1) % (MAX_SPACES * ORDINALS), -1 if record & 1 else 1


def _at(at_ms: int | None, boundaries: list[Boundary]) -> dict[int, int]:
    sizes: Counter[int] = Counter()
    for moment_ms, counter, users in boundaries:
        if at_ms is None or moment_ms <= at_ms:
            sizes[counter] += users
    return {counter: size for counter, size in sizes.items() if size}


def _numbers(fields: object) -> dict[int, int]:
    return {int(counter): int(size) for counter, size in cast("dict[bytes, bytes]", fields).items()}


def _moments(earliest_ms: int, boundaries: list[Boundary], random: Random) -> Iterator[int]:
    """The first that can be told, and some where somebody comes or goes."""
    yield earliest_ms
    ahead_ms = sorted({at_ms for at_ms, _, _ in boundaries if at_ms > earliest_ms})
    for at_ms in random.sample(ahead_ms, min(2, len(ahead_ms))):
        yield from (at_ms - 1, at_ms)
