"""Series of a strand's values that are kept up to date with each event: sums, last occurrences, fading weights.

Each is a function of the events alone, in whatever order and in however many parts they came: amounts are whole numbers
of millionths, and so are weights of a smallest part.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from services.segmentation.profile import Entry, Total, millionths
from services.segmentation.rules.strands import value_of
from services.segmentation.rules.values import kind_of


class Amounts:
    """Running totals of a property: before each event, and at the end over all of them."""

    __slots__ = ("_field", "_negative", "_numbers", "_sums")

    def __init__(self, field: str) -> None:
        self._field, self._negative = field, 0
        self._sums, self._numbers = [0], [0]

    def push(self, entry: Entry) -> None:
        amount = millionths(value_of(entry, self._field))
        self._sums.append(self._sums[-1] + (amount or 0))
        self._numbers.append(self._numbers[-1] + (amount is not None))
        self._negative += amount is not None and amount < 0

    def shift(self, _: Entry) -> None:
        self._negative -= self._sums[1] < self._sums[0]
        del self._sums[0], self._numbers[0]

    def since(self, index: int) -> Total:
        """Of the event with this number, from the oldest on, and all after it."""
        return Total(self._sums[-1] - self._sums[index], self._numbers[-1] - self._numbers[index])

    def left_from(self, index: int) -> Iterator[tuple[int, int]]:
        """The amount and how many numbers: of all from an event on, of all after that, and so on down to none."""
        amount, number = self._sums[-1], self._numbers[-1]
        amounts = [amount - before for before in self._sums[index:]]
        return zip(amounts, [number - before for before in self._numbers[index:]], strict=True)

    @property
    def only_shrinks(self) -> bool:
        """Whether no amount is negative, so that the sum shrinks as events are left out, the oldest first."""
        return not self._negative

    def newest_reaching(self, least: int) -> int | None:
        """The number of the newest event such that it and all after it come to at least so much, which is positive.

        None where all together do not. Only of a sum that shrinks.
        """
        at = bisect_right(self._sums, self._sums[-1] - least) - 1
        return at if at >= 0 else None


class Occurrences:
    """The different values of a property, each with its newest event, that whose newest is oldest first."""

    __slots__ = ("_field", "_newest")

    def __init__(self, field: str) -> None:
        self._field = field
        self._newest: dict[tuple[str, Any], Entry] = {}

    def push(self, entry: Entry) -> None:
        value = value_of(entry, self._field)
        if value is not None and not isinstance(value, tuple):
            key = kind_of(value), value
            self._newest.pop(key, None)
            self._newest[key] = entry

    def shift(self, entry: Entry) -> None:
        if self._newest and next(iter(self._newest.values())) is entry:
            del self._newest[next(iter(self._newest))]

    @property
    def moments(self) -> list[int]:
        return [entry[0] for entry in self._newest.values()]


class Weights:
    """A fading count: each event weighs half as much for every half-life that has passed.

    An event at 2.5 half-lives since 1970 weighs 2 ** 0.5 in units of its own half-life's beginning. That number is
    taken as it is rounded, and added exactly.
    """

    __slots__ = ("_halflife_ms", "_newest_ms", "_total", "_units")

    _BITS = 52  # of a number from 1 to 2, so that it is whole in this unit

    def __init__(self, halflife_ms: int) -> None:
        self._halflife_ms, self._newest_ms = halflife_ms, 0
        self._total: float | None = None
        self._units: dict[int, int] = {}
        """By the number of half-lives since 1970."""

    def push(self, entry: Entry) -> None:
        self._newest_ms = entry[0]
        self._add(entry, 1)

    def shift(self, entry: Entry) -> None:
        self._add(entry, -1)

    def total(self) -> float:
        """The count right after the newest event, of which there has to be one."""
        if self._total is None:
            self._total = self._summed()
        return self._total

    def _summed(self) -> float:
        newest, rest_ms = divmod(self._newest_ms, self._halflife_ms)
        parts = (math.ldexp(units, max(begun - newest, -1_300) - self._BITS) for begun, units in self._units.items())
        return math.fsum(parts) / math.exp2(rest_ms / self._halflife_ms)

    def _add(self, entry: Entry, times: int) -> None:
        self._total = None
        begun, rest_ms = divmod(entry[0], self._halflife_ms)
        units = self._units.get(begun, 0) + times * int(math.ldexp(math.exp2(rest_ms / self._halflife_ms), self._BITS))
        if units:
            self._units[begun] = units
        else:
            del self._units[begun]
