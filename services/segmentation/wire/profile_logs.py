"""The logs of a profile as lists that MessagePack can write, without the moments and digests of their entries.

What an entry tells is a row of named values: those of its properties, and those of its context. Contexts come again
and again, with events of every type, so each is stored once, and the entries have its number. Entries of a log that
follow each other and tell the same names are a run: the names of properties, the numbers of contexts, and a column of
values for each name.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, groupby, repeat
from typing import Any

from services.segmentation.keep import CONTEXT, MAX_REMEMBERED
from services.segmentation.profile import Total, TypeLog
from services.segmentation.wire.profile_names import STORED, TOLD
from services.segmentation.wire.profile_values import narrow, value_in, value_out, wide

Row = tuple[tuple[str, Any], ...]

_TEXTS = {str}


class Rows(dict[Any, int]):
    """Rows without repeats, in order of first use; maps each to its number."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def __missing__(self, row: Row) -> int:
        # 1, 1.0 and True are equal, and different values. A text is equal to texts alone.
        key = row if {type(value) for _, value in row} <= _TEXTS else repr(row)
        if key not in self:
            self[key] = len(self._rows)
            self._rows.append(row)
        return self[key]

    def out(self) -> list[list[Any]]:
        return [
            [part for name, value in row for part in (STORED[name], value if type(value) is str else value_out(value))]
            for row in self._rows
        ]


def rows_in(stored: Sequence[Sequence[Any]]) -> list[Row]:
    return [
        tuple(
            [
                _told_text(TOLD[name], value) if type(value) is str else (TOLD[name], value_in(value))
                for name, value in zip(row[::2], row[1::2], strict=True)
            ]
        )
        for row in stored
    ]


def log_out(name: str, log: TypeLog, contexts: Rows) -> list[Any]:
    runs = [
        _run_out(names, list(rows), contexts) for names, rows in groupby([entry[2] for entry in log.entries], _names)
    ]
    if not log.dropped_count:
        return [STORED[name], runs]
    totals = [[STORED[field], wide(amount), numbers] for field, (amount, numbers) in sorted(log.dropped_totals.items())]
    return [STORED[name], runs, len(log.dropped), log.dropped_count, totals]


def rows_of(runs: Iterable[Sequence[Any]], contexts: Sequence[Row]) -> list[Row]:
    """What the entries of a log tell."""
    return list(chain.from_iterable(_run_in(contexts, *run) for run in runs))


def totals_in(totals: Iterable[tuple[int | str, int | bytes, int]]) -> dict[str, Total]:
    return {TOLD[field]: Total(narrow(amount), numbers) for field, amount, numbers in totals}


def _run_out(names: tuple[str, ...], rows: Sequence[Row], contexts: Rows) -> list[Any]:
    begin, end, others = _divided(names)
    columns = list(zip(*rows, strict=True))
    return [
        others,
        [contexts[row[begin:end]] for row in rows],
        *[
            [value if type(value) is str else value_out(value) for _, value in column]
            for column in columns[:begin] + columns[end:]
        ],
    ]


def _run_in(
    contexts: Sequence[Row], stored: tuple[int | str, ...], numbers: Sequence[int], *columns: Sequence[Any]
) -> list[Row]:
    begin, names = _told(stored)
    cells = [_cells(name, column) for name, column in zip(names, columns, strict=True)]
    before, behind = _rows(cells[:begin]), _rows(cells[begin:])
    return [left + contexts[number] + right for number, left, right in zip(numbers, before, behind, strict=False)]


def _cells(name: str, column: Sequence[Any]) -> list[tuple[str, Any]]:
    texts = {text: _told_text(name, text) for text in set(column) if type(text) is str}
    return [texts.get(value) or (name, value_in(value)) for value in column]


@lru_cache(maxsize=MAX_REMEMBERED)
def _told_text(name: str, text: str) -> tuple[str, str]:
    """One object for all profiles: most texts come again and again, and take half of the memory otherwise."""
    return name, text


def _rows(columns: Sequence[Sequence[tuple[str, Any]]]) -> Iterable[Row]:
    return zip(*columns, strict=True) if columns else repeat(())


def _names(row: Row) -> tuple[str, ...]:
    return tuple([name for name, _ in row])


@lru_cache(maxsize=1024)
def _divided(names: tuple[str, ...]) -> tuple[int, int, list[int | str]]:
    """Where among names that rise those of the context begin and end, and the others as they are stored."""
    begin = sum(name < CONTEXT for name in names)
    end = begin + sum(name.startswith(CONTEXT) for name in names)
    return begin, end, [STORED[name] for name in names[:begin] + names[end:]]


@lru_cache(maxsize=1024)
def _told(others: tuple[int | str, ...]) -> tuple[int, list[str]]:
    """Names other than the context's as they were told, and how many come before those."""
    names = [TOLD[name] for name in others]
    return sum(name < CONTEXT for name in names), names
