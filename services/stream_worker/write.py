"""How a write is put to the script that makes it: the names of what it touches and what becomes of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgpack

from services.segmentation.changes import Change, Told
from services.segmentation.engine import UserState
from services.segmentation.profile import Profile
from services.segmentation.wire import keys
from services.segmentation.wire.changes import encode_told, pack_changes
from services.segmentation.wire.membership import encode_membership
from services.segmentation.wire.profile import encode_profile
from services.segmentation.wire.sizes import encode_records
from services.stream_worker.ledger import Entry

EncodeProfile = Callable[[Profile], bytes]


class Write(NamedTuple):
    """A user's state as it was read or last written, and the next one; and what is told of it, where anything is."""

    member: str
    before: UserState
    state: UserState
    told: Told | None = None
    changes: Sequence[Change] = ()


class Walk(NamedTuple):
    """How far the memberships of a partition are on their way to a version of the catalog."""

    version: int
    walked: int
    members: int
    finished: bool
    newest: int = 0
    """Nobody whom it has come by is at a newer version, where that is not the same."""


class Telling(NamedTuple):
    """What a write does for the changes stream beside what its users' changes make."""

    begin: int | None = None
    """The offset at which telling begins anew: whatever was told before counts no more."""
    published: Sequence[bytes] = ()
    """The entries of the outbox that are no longer needed."""
    gone: int = 0
    """How many changes those hold."""
    consent: str = ""
    """Whether consent is required from now on, "0" or "1"; empty where that is as before."""
    teller: str = ""
    number: int = 1
    """Who tells the changes, and the number of the first of them."""
    adopted: Sequence[tuple[str, Told]] = ()
    """By member, what else was told of users, as consumers have it."""
    heard: bytes = b""
    """How far the changes log is taken account of; empty where that is as before."""


def names(partition: int, writes: Sequence[Write], entry: Entry, telling: Telling | None) -> Iterator[str]:
    """The keys of apply.lua."""
    sorts = (keys.watermark, keys.turn, keys.users, keys.spaces, keys.sizes, keys.refreshed, keys.refreshing)
    yield from (sort(partition) for sort in sorts)
    for write in _known(writes):
        yield keys.profile(partition, write.member)
        yield keys.membership(partition, write.member)
    for edit in entry.edits:
        yield keys.sizes_in(partition, edit.stretch)
        yield keys.moments_in(partition, edit.stretch)
    if telling is not None:
        yield from (sort(partition) for sort in (keys.told, keys.due, keys.telling, keys.outbox))


def arguments(
    entry: Entry,
    walk: Walk | None,
    writes: Sequence[Write],
    telling: Telling | None,
    encode: EncodeProfile = encode_profile,
) -> Iterator[str | bytes | int]:
    """Those of apply.lua from the counts on."""
    yield _packed(_counts(entry), () if telling is None else (_told(writes, telling),))
    yield from _progress(walk)
    yield from _users(writes, encode)


def _packed(counts: tuple[object, ...], told: tuple[object, ...]) -> bytes:
    packed: bytes = msgpack.packb(counts + told, use_bin_type=False)  # as Redis reads it
    return packed


def _counts(entry: Entry) -> tuple[object, ...]:
    edits = [
        (edit.forget_sizes, edit.forget_records, _flat(edit.sizes), encode_records(edit.records))
        for edit in entry.edits
    ]
    return entry.new_spaces, _flat(entry.over), edits


def _told(writes: Sequence[Write], telling: Telling) -> tuple[object, ...]:
    changes = [change for write in writes for change in write.changes]
    told = [(write.member, write.told) for write in writes if write.told] + list(telling.adopted)
    users = [part for member, each in told for part in (member, *_told_of(each))]
    begin = "" if telling.begin is None else str(telling.begin)
    added = (len(changes), pack_changes(changes, telling.teller, telling.number)) if changes else (0, b"")
    return begin, users, added, (telling.gone, telling.published), telling.consent, telling.heard


def _told_of(told: Told) -> tuple[bytes, str]:
    return encode_told(told), "" if told.next_ms is None else str(told.next_ms)


def _flat(changes: Mapping[int, int]) -> list[int]:
    return [number for counter, change in changes.items() if change for number in (counter, change)]


def _progress(walk: Walk | None) -> tuple[str | int, str]:
    if walk is None:
        return "", ""
    return (walk.version, "") if walk.finished else ("", f"{walk.version} {walk.walked} {walk.members}")


def _known(writes: Sequence[Write]) -> Iterator[Write]:
    """Those of users of whom there is a record. Of others something may have been told, in a time that is lost."""
    return (write for write in writes if write.state.profile is not None)


def _users(writes: Sequence[Write], encode: EncodeProfile) -> Iterator[str | bytes | int]:
    for write in _known(writes):
        profile, membership = write.state.profile, write.state.membership
        assert profile is not None
        assert membership is not None
        yield write.member
        yield profile.latest_ms
        yield b"" if profile is write.before.profile else encode(profile)
        yield b"" if membership is write.before.membership else encode_membership(membership)
