"""Profiles as the release before codec 4 read and wrote them. They are written so as long as such a release is at work.

Layout: version, latest moment, how long before it the first was; tables of names, of values and of stamps (how long
before the latest moment, event id); then types, traits, context paths, consent, time zone and lists, which refer to the
tables by number. Numbers of values begin at 1, since 0 is none; all others at 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, islice, repeat
from operator import itemgetter, sub
from struct import pack, unpack
from typing import Any

import msgpack

from services.segmentation.keep import CONTEXT
from services.segmentation.profile import Consent, Entry, Latest, Listing, Profile, Total, TypeLog
from services.segmentation.wire.profile_names import STORED, TOLD
from services.segmentation.wire.profile_values import narrow, wide

VERSION = 3
_MOMENT, _DIGEST = itemgetter(0), itemgetter(1)
_LONGEST_MS = 2**32 - 1
"""Between two events, for their moments to take four bytes each: seven weeks."""


def encode_profile_3(profile: Profile) -> bytes:
    """What the release before this one reads."""
    latest_ms = profile.latest_ms
    names, values, stamps = _Table(), _Table(1), _Stamps(latest_ms)
    types = [_type_out(name, profile.types[name], latest_ms, names, values) for name in sorted(profile.types)]
    traits = _latest_out(profile.traits, "", names, values, stamps)
    context = _latest_out(profile.context, CONTEXT, names, values, stamps)
    consent, zone = profile.consent, profile.time_zone
    rest = [
        consent and [stamps.number(consent), *consent.purposes],
        zone and [stamps.number(zone), values.number(zone.value)],
        [
            [names[name], stamps.number(each), each.listed, each.until_ms]
            for name, each in sorted(profile.lists.items())
        ],
    ]
    first = None if profile.first_ms is None else latest_ms - profile.first_ms
    tables = [[STORED[name] for name in names], values.rows, stamps.flat]
    packed: bytes = msgpack.packb([VERSION, latest_ms, first, *tables, types, traits, context, *rest])
    return packed


class _Table(dict[Any, int]):
    """Rows without repeats, in order of first use; maps each to its number."""

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin

    def __missing__(self, row: Any) -> int:
        number = self[row] = len(self) + self._begin
        return number

    def number(self, value: Any) -> int:
        """Of a kept value. 1, 1.0 and True are equal, and different values; so are 0.0 and -0.0, and lists of any."""
        sort = type(value)
        return self[value if sort is str else (sort if value and sort is not tuple else repr(value), value)]

    @property
    def rows(self) -> list[Any]:
        """The kept values."""
        return [row if type(row) is str else row[1] for row in self]


class _Stamps(_Table):
    def __init__(self, latest_ms: int) -> None:
        super().__init__()
        self._latest_ms = latest_ms

    def number(self, value: Latest | Consent | Listing) -> int:
        return self[self._latest_ms - value.ts_ms, value.event_id]

    @property
    def flat(self) -> list[int | str]:
        return list(chain.from_iterable(self))


def read_profile(
    latest_ms: int,
    first_before_ms: int | None,
    rows: Sequence[Any],
    values: Sequence[Any],
    flat_stamps: Sequence[Any],
    types: Sequence[Any],
    traits: Sequence[Any],
    context: Sequence[Any],
    consent: Sequence[int] | None,
    zone: Sequence[int] | None,
    lists: Sequence[Any],
) -> Profile:
    """Of the parts behind the version. Raises whatever damaged ones raise."""
    names = [TOLD[row] for row in rows]
    kept = [None, *(tuple(value) if isinstance(value, list) else value for value in values)]
    stamps = [
        (latest_ms - before_ms, event_id)
        for before_ms, event_id in zip(flat_stamps[::2], flat_stamps[1::2], strict=True)
    ]
    return Profile(
        None if first_before_ms is None else latest_ms - first_before_ms,
        latest_ms,
        {names[number]: _type_in(row, latest_ms, names, kept) for number, *row in types},
        _latest_in(traits, "", names, kept, stamps),
        _latest_in(context, CONTEXT, names, kept, stamps),
        Consent(*stamps[consent[0]], tuple(consent[1:])) if consent else None,
        Latest(*stamps[zone[0]], kept[zone[1]]) if zone else None,
        {names[number]: Listing(*stamps[stamp], *listing) for number, stamp, *listing in lists},
    )


def _type_out(name: str, log: TypeLog, latest_ms: int, names: _Table, values: _Table) -> list[Any]:
    columns = [part for field, column in _columns(log.entries, values) for part in (names[field], _column(column))]
    row = [names[name], *_stamps_out(log.entries, latest_ms), columns]
    if not log.dropped_count:
        return row
    totals = [[names[field], wide(amount), numbers] for field, (amount, numbers) in sorted(log.dropped_totals.items())]
    return [*row, *_stamps_out(log.dropped, latest_ms), log.dropped_count, totals]


def _type_in(row: Sequence[Any], latest_ms: int, names: Sequence[str], values: Sequence[Any]) -> TypeLog:
    before_ms, gaps, digests, columns, *fallen = row
    cells = [_cells(names[field], column, values) for field, column in zip(columns[::2], columns[1::2], strict=True)]
    moments, ids = _stamps_in(before_ms, gaps, digests, latest_ms)
    kept = (tuple(filter(None, row)) for row in zip(*(islice(each, len(ids)) for each in cells), strict=True))
    entries = tuple(map(Entry, moments, ids, kept if cells else repeat(())))
    if not fallen:
        return TypeLog(entries)
    before_ms, gaps, digests, dropped_count, totals = fallen
    dropped = tuple(map(Entry, *_stamps_in(before_ms, gaps, digests, latest_ms)))
    amounts = {names[field]: Total(narrow(amount), numbers) for field, amount, numbers in totals}
    return TypeLog(entries, dropped, dropped_count, amounts)


def _columns(entries: Sequence[Entry], values: _Table) -> Iterable[tuple[str, list[int]]]:
    """By field, the number of each entry's value, 0 where it has none."""
    columns: dict[str, list[int]] = {}
    number = values.number
    for at, (_ts_ms, _digest, row) in enumerate(entries):
        for field, value in row:
            if field not in columns:
                columns[field] = [0] * len(entries)
            columns[field][at] = values[value] if type(value) is str else number(value)
    return sorted(columns.items())


def _cells(field: str, column: int | Iterable[int], values: Sequence[Any]) -> Iterable[tuple[str, Any] | None]:
    """A column's part of each entry."""
    if isinstance(column, int):
        return repeat((field, values[column]))
    return [(field, values[number]) if number else None for number in column]


def _column(numbers: list[int]) -> int | bytes | list[int]:
    """A column that never changes is one number; one with few values a byte an entry."""
    if numbers.count(numbers[0]) == len(numbers):
        return numbers[0]
    return bytes(numbers) if max(numbers) < 256 else numbers


def _stamps_out(entries: Sequence[Entry], latest_ms: int) -> tuple[int, bytes | list[int], bytes]:
    """How long before the latest moment the first was, the times between them, and the digests."""
    moments = list(map(_MOMENT, entries))
    gaps = list(map(sub, moments[1:], moments))
    short = pack(f"<{len(gaps)}I", *gaps) if max(gaps, default=0) <= _LONGEST_MS else gaps
    return latest_ms - moments[0], short, pack(f"<{len(entries)}Q", *map(_DIGEST, entries))


def _stamps_in(
    before_ms: int, gaps: bytes | Sequence[int], digests: bytes, latest_ms: int
) -> tuple[Iterable[int], Sequence[int]]:
    ids = unpack(f"<{len(digests) // 8}Q", digests)
    steps = unpack(f"<{len(ids) - 1}I", gaps) if isinstance(gaps, bytes) else gaps
    return accumulate(steps, initial=latest_ms - before_ms), ids


def _latest_out(known: Mapping[str, Latest], prefix: str, names: _Table, values: _Table, stamps: _Stamps) -> list[int]:
    return [
        part
        for name, each in sorted(known.items())
        for part in (
            names[prefix + name],
            stamps.number(each),
            0 if each.value is None else values.number(each.value),
        )
    ]


def _latest_in(
    flat: Sequence[int], prefix: str, names: Sequence[str], values: Sequence[Any], stamps: Sequence[tuple[int, str]]
) -> dict[str, Latest]:
    parts = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return {names[name].removeprefix(prefix): Latest(*stamps[stamp], values[value]) for name, stamp, value in parts}
