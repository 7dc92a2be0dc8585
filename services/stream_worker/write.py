"""How a write is put to the script that makes it: the names of what it touches and what becomes of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgpack

from services.segmentation.engine import UserState
from services.segmentation.wire import keys
from services.segmentation.wire.membership import encode_membership
from services.segmentation.wire.profile import encode_profile
from services.segmentation.wire.sizes import encode_records
from services.stream_worker.ledger import Entry


class Write(NamedTuple):
    """A user's state as it was read or last written, and the next one."""

    member: str
    before: UserState
    state: UserState


class Walk(NamedTuple):
    """How far the memberships of a partition are on their way to a version of the catalog."""

    version: int
    walked: int
    members: int
    finished: bool


def names(partition: int, writes: Sequence[Write], entry: Entry) -> Iterator[str]:
    """The keys of apply.lua."""
    sorts = (keys.watermark, keys.turn, keys.users, keys.spaces, keys.sizes, keys.refreshed, keys.refreshing)
    yield from (sort(partition) for sort in sorts)
    for write in writes:
        yield keys.profile(partition, write.member)
        yield keys.membership(partition, write.member)
    for edit in entry.edits:
        yield keys.sizes_in(partition, edit.stretch)
        yield keys.moments_in(partition, edit.stretch)


def arguments(entry: Entry, walk: Walk | None, writes: Sequence[Write]) -> Iterator[str | bytes | int]:
    """Those of apply.lua from the counts on."""
    yield _counts(entry)
    yield from _progress(walk)
    yield from _users(writes)


def _counts(entry: Entry) -> bytes:
    edits = [
        (edit.forget_sizes, edit.forget_records, _flat(edit.sizes), encode_records(edit.records))
        for edit in entry.edits
    ]
    packed: bytes = msgpack.packb((entry.new_spaces, _flat(entry.over), edits), use_bin_type=False)  # as Redis reads it
    return packed


def _flat(changes: Mapping[int, int]) -> list[int]:
    return [number for counter, change in changes.items() if change for number in (counter, change)]


def _progress(walk: Walk | None) -> tuple[str | int, str]:
    if walk is None:
        return "", ""
    return (walk.version, "") if walk.finished else ("", f"{walk.version} {walk.walked} {walk.members}")


def _users(writes: Sequence[Write]) -> Iterator[str | bytes | int]:
    for member, before, (profile, membership) in writes:
        assert profile is not None
        assert membership is not None
        yield member
        yield profile.latest_ms
        yield b"" if profile is before.profile else encode_profile(profile)
        yield encode_membership(membership)
