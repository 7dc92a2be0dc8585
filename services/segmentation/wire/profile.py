"""A profile as bytes: MessagePack, in which a name, a context or a moment that many entries share is stored once.

Equal profiles give equal bytes. Layout: version, latest moment, how long before it the first was; of all entries, log
by log, how long before the latest moment they were, and the digests of their ids; whether the words are deflated, and
the words. These are: rows of the context and of latest values, logs, traits and context paths (a row, and the number of
a stamp or of one for each value), stamps (how long before the latest moment, event id), consent, time zone and lists.

What `profile_3` wrote is still read.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from struct import pack, unpack
from typing import Any

import msgpack

from services.segmentation.keep import CONTEXT
from services.segmentation.profile import Consent, Entry, Latest, Listing, Profile, TypeLog
from services.segmentation.wire import profile_3
from services.segmentation.wire.profile_logs import Row, Rows, log_out, rows_in, rows_of, totals_in
from services.segmentation.wire.profile_names import STORED, TOLD
from services.segmentation.wire.profile_values import numbers_in, numbers_out
from services.segmentation.wire.profile_words import inflated, words_in, words_out
from services.segmentation.wire.version import check_version, decoder

VERSION = 4
"""3 wrote prices in full, contexts again for each type, and deflated nothing."""

_UUID_LENGTH = 36
_entry = partial(tuple.__new__, Entry)  # as Entry does it, in a third of the time


def encode_profile(profile: Profile) -> bytes:
    latest_ms, first_ms = profile.latest_ms, profile.first_ms
    logs = sorted(profile.types.items())
    entries = [entry for _, log in logs for part in (log.entries, log.dropped) for entry in part]
    before_ms = numbers_out([latest_ms - entry[0] for entry in entries])
    digests = pack(f"<{len(entries)}Q", *[entry[1] for entry in entries])
    first_before_ms = None if first_ms is None else latest_ms - first_ms
    words = words_out(_parts_out(profile, logs))
    packed: bytes = msgpack.packb([VERSION, latest_ms, first_before_ms, before_ms, digests, *words])
    return packed


@decoder
def decode_profile(data: bytes) -> Profile:
    """Read what `encode_profile` wrote. Raises UnknownCodec."""
    version, *body = msgpack.unpackb(data, strict_map_key=False)
    check_version("profile", version, profile_3.VERSION, VERSION)
    return _profile_in(*body) if version == VERSION else profile_3.read_profile(*body)


@decoder
def undeflated(data: bytes) -> bytes:
    """The same for equal profiles whatever build of zlib has stored them. Raises UnknownCodec."""
    version, *body = msgpack.unpackb(data, strict_map_key=False)
    if version != VERSION or not body[-2]:
        return data
    *rest, _, words = body
    packed: bytes = msgpack.packb([version, *rest, False, inflated(words)])
    return packed


class _Stamps(dict[tuple[int, str], int]):
    """Moments with event ids, without repeats, in order of first use; maps each to its number."""

    def __missing__(self, stamp: tuple[int, str]) -> int:
        number = self[stamp] = len(self)
        return number


def _parts_out(profile: Profile, logs: Iterable[tuple[str, TypeLog]]) -> list[Any]:
    rows, stamps = Rows(), _Stamps()
    types = [log_out(name, log, rows) for name, log in logs]
    traits = _latest_out(profile.traits, "", rows, stamps)
    context = _latest_out(profile.context, CONTEXT, rows, stamps)
    consent, zone = profile.consent, profile.time_zone
    rest = [
        consent and [stamps[consent[:2]], sum([1 << purpose for purpose in consent[2]])],
        zone and [stamps[zone[:2]], zone[2]],
        [[STORED[name], stamps[each[:2]], *each[2:]] for name, each in sorted(profile.lists.items())],
    ]
    flat = [part for ts_ms, event_id in stamps for part in (profile.latest_ms - ts_ms, _id_out(event_id))]
    return [rows.out(), types, traits, context, flat, *rest]


def _profile_in(latest_ms: int, first_before_ms: int | None, before_ms: bytes, digests: bytes, *words: Any) -> Profile:
    stored, types, traits, context, flat, consent, zone, lists = words_in(*words)
    rows, stamps = rows_in(stored), _stamps_in(flat, latest_ms)
    return Profile(
        None if first_before_ms is None else latest_ms - first_before_ms,
        latest_ms,
        _types_in(types, rows, latest_ms, before_ms, digests),
        _latest_in(traits, "", rows, stamps),
        _latest_in(context, CONTEXT, rows, stamps),
        Consent._make([*stamps[consent[0]], _purposes_in(consent[1])]) if consent else None,
        Latest._make([*stamps[zone[0]], zone[1]]) if zone else None,
        {TOLD[name]: Listing._make([*stamps[stamp], *listing]) for name, stamp, *listing in lists},
    )


def _types_in(
    types: Iterable[Sequence[Any]], contexts: Sequence[Row], latest_ms: int, before_ms: bytes, digests: bytes
) -> dict[str, TypeLog]:
    count = len(digests) // 8
    moments = [latest_ms - before for before in numbers_in(before_ms, count)]
    ids = unpack(f"<{count}Q", digests)
    logs, end = {}, 0
    for name, runs, *fallen in types:
        rows = rows_of(runs, contexts)
        begin, end = end, end + len(rows)
        entries = _entries(moments[begin:end], ids[begin:end], rows)
        if not fallen:
            logs[TOLD[name]] = TypeLog(entries)
            continue
        remembered, dropped_count, totals = fallen
        begin, end = end, end + remembered
        dropped = _entries(moments[begin:end], ids[begin:end], repeat((), remembered))
        logs[TOLD[name]] = TypeLog(entries, dropped, dropped_count, totals_in(totals))
    if end != count:
        raise ValueError(f"{count} digests of {end} entries")
    return logs


def _entries(moments: Iterable[int], ids: Iterable[int], rows: Iterable[Row]) -> tuple[Entry, ...]:
    return tuple(map(_entry, zip(moments, ids, rows, strict=True)))


def _stamps_in(flat: Sequence[Any], latest_ms: int) -> list[tuple[int, str]]:
    return [(latest_ms - before_ms, _id_in(stored)) for before_ms, stored in zip(flat[::2], flat[1::2], strict=True)]


def _latest_out(known: Mapping[str, Latest], prefix: str, rows: Rows, stamps: _Stamps) -> list[Any] | None:
    if not known:
        return None
    items = sorted(known.items())
    row = rows[tuple([(prefix + name, each[2]) for name, each in items])]
    told = [stamps[each[:2]] for _, each in items]
    return [row, told[0] if told.count(told[0]) == len(told) else told]


def _latest_in(
    stored: Sequence[Any] | None, prefix: str, rows: Sequence[Row], stamps: Sequence[tuple[int, str]]
) -> dict[str, Latest]:
    if not stored:
        return {}
    row, told = stored
    numbers: Iterable[int] = repeat(told) if isinstance(told, int) else told
    return {
        name.removeprefix(prefix): Latest(*stamps[number], value)
        for (name, value), number in zip(rows[row], numbers, strict=False)
    }


def _purposes_in(bits: int) -> tuple[int, ...]:
    return tuple([purpose for purpose in range(bits.bit_length()) if bits >> purpose & 1])


def _id_out(event_id: str) -> str | bytes:
    """A UUID as its 16 bytes, where it is written as RFC 9562 has it."""
    if len(event_id) != _UUID_LENGTH:
        return event_id
    try:
        uuid = bytes.fromhex(event_id.replace("-", ""))
    except ValueError:
        return event_id
    return uuid if _id_in(uuid) == event_id else event_id


def _id_in(stored: str | bytes) -> str:
    if isinstance(stored, str):
        return stored
    digits = stored.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
