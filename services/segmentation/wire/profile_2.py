"""Profiles as releases before codec 3 read and wrote them. They are written so as long as such a release is at work.

Layout: version, first and latest moment, table of values, table of stamps, then types, traits, context paths and
consent, which refer to the tables by index, then time zone and lists, which codec 1 had not.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate
from struct import pack, unpack
from typing import Any

import msgpack

from services.segmentation.profile import Consent, Entry, Latest, Listing, Profile, Total, TypeLog

VERSION = 2


def encode_profile_2(profile: Profile) -> bytes:
    """What the releases before this one read."""
    values, stamps = _Table(), _Table()
    types = [_type_out(name, profile.types[name], values) for name in sorted(profile.types)]
    traits = _latest_out(profile.traits, stamps)
    context = _latest_out(profile.context, stamps)
    consent = None if profile.consent is None else list(profile.consent)
    zone = None if profile.time_zone is None else list(profile.time_zone)
    lists = [[name, *listing] for name, listing in sorted(profile.lists.items())]
    moments = profile.first_ms, profile.latest_ms
    body = [VERSION, *moments, values.rows, stamps.rows, types, traits, context, consent, zone, lists]
    packed: bytes = msgpack.packb(body)
    return packed


def read_profile(*body: Any) -> Profile:
    """Of the parts behind the version. Raises whatever damaged ones raise."""
    first_ms, latest_ms, values, stamps, types, traits, context, consent, *later = body
    zone, lists = later or (None, ())
    kept = [_kept(value) for value in values]
    return Profile(
        first_ms,
        latest_ms,
        {name: _type_in(row, kept) for name, *row in types},
        _latest_in(traits, stamps),
        _latest_in(context, stamps),
        None if consent is None else Consent(consent[0], consent[1], tuple(consent[2])),
        None if zone is None else Latest(*zone),
        {name: Listing(*listing) for name, *listing in lists},
    )


class _Table:
    """Rows without repeats, in order of first use."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._index: dict[Hashable, int] = {}

    def index(self, row: Any) -> int:
        key = (repr(row), type(row))  # not the row itself: 1, 1.0 and True are different rows
        if key not in self._index:
            self._index[key] = len(self.rows)
            self.rows.append(row)
        return self._index[key]


def _type_out(name: str, log: TypeLog, values: _Table) -> list[Any]:
    fields = sorted({field for entry in log.entries for field, _ in entry.values})
    rows = [dict(entry.values) for entry in log.entries]
    columns = [
        [field, _column([values.index(row[field]) + 1 if field in row else 0 for row in rows])] for field in fields
    ]
    totals = [[field, _wide(total.millionths), total.numbers] for field, total in sorted(log.dropped_totals.items())]
    return [name, *_stamps_out(log.entries), columns, *_stamps_out(log.dropped), log.dropped_count, totals]


def _type_in(row: Sequence[Any], values: Sequence[Any]) -> TypeLog:
    deltas, digests, columns, dropped_deltas, dropped_digests, dropped_count, totals = row
    stamps = _stamps_in(deltas, digests)
    cells: list[list[tuple[str, Any]]] = [[] for _ in stamps]
    for field, column in columns:
        indexes = [column] * len(stamps) if isinstance(column, int) else column
        for cell, index in zip(cells, indexes, strict=True):
            if index:
                cell.append((field, values[index - 1]))
    return TypeLog(
        tuple(Entry(ts_ms, digest, tuple(cell)) for (ts_ms, digest), cell in zip(stamps, cells, strict=True)),
        tuple(Entry(ts_ms, digest) for ts_ms, digest in _stamps_in(dropped_deltas, dropped_digests)),
        dropped_count,
        {field: Total(_narrow(amount), numbers) for field, amount, numbers in totals},
    )


def _column(indexes: list[int]) -> int | bytes | list[int]:
    """A column that never changes is one number; one with few values a byte an entry."""
    if len(set(indexes)) == 1:
        return indexes[0]
    return bytes(indexes) if max(indexes) < 256 else indexes


def _stamps_out(entries: Sequence[Entry]) -> tuple[list[int], bytes]:
    moments = [entry.ts_ms for entry in entries]
    deltas = [after - before for before, after in zip([0, *moments], moments, strict=False)]
    return deltas, pack(f">{len(entries)}Q", *(entry.digest for entry in entries))


def _stamps_in(deltas: Sequence[int], digests: bytes) -> list[tuple[int, int]]:
    return list(zip(accumulate(deltas), unpack(f">{len(deltas)}Q", digests), strict=True))


def _latest_out(values: Mapping[str, Latest], stamps: _Table) -> list[Any]:
    return [[name, stamps.index([each.ts_ms, each.event_id]), each.value] for name, each in sorted(values.items())]


def _latest_in(rows: Sequence[Any], stamps: Sequence[Any]) -> dict[str, Latest]:
    return {name: Latest(stamps[index][0], stamps[index][1], _kept(value)) for name, index, value in rows}


def _kept(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _wide(number: int) -> int | bytes:
    """A whole number of any size; beyond 64 bits as its two's complement, which MessagePack cannot write itself."""
    return number if -(2**63) <= number < 2**63 else number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def _narrow(number: int | bytes) -> int:
    return number if isinstance(number, int) else int.from_bytes(number, "big", signed=True)
