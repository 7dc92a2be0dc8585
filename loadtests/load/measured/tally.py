"""What became of the requests of one kind that were due in one second. Everything else is computed from tallies.

A request belongs to the second in which it was due, however late it is answered, so that a server's pause shows where
it was. Only `served` goes by the second of the answer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

from loadtests.load.measured.histogram import Histogram


class Tally:
    __slots__ = ("due", "late", "latency", "outcomes", "served")

    def __init__(self) -> None:
        self.due = 0
        """Requests handed to the connections."""
        self.served = 0
        """Good answers that came in this second."""
        self.outcomes: Counter[str] = Counter()
        self.latency = Histogram()
        """From the scheduled moment to the answer's last byte; of requests that timed out, to that moment."""
        self.late = Histogram()
        """From the scheduled moment until the generator got round to it."""

    def add(self, other: "Tally") -> None:
        self.due += other.due
        self.served += other.served
        self.outcomes += other.outcomes
        self.latency.add(other.latency)
        self.late.add(other.late)

    def as_json(self) -> dict[str, Any]:
        histograms = {"latency": self.latency.as_json(), "late": self.late.as_json()}
        return {"due": self.due, "served": self.served, "outcomes": dict(self.outcomes), **histograms}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        tally = cls()
        tally.due, tally.served = told["due"], told["served"]
        tally.outcomes = Counter(told["outcomes"])
        tally.latency, tally.late = Histogram.from_json(told["latency"]), Histogram.from_json(told["late"])
        return tally


class Tallies:
    """Tallies by second and kind. Seconds before 0 are the warm-up."""

    def __init__(self) -> None:
        self.by_second: dict[tuple[int, str], Tally] = {}

    def at(self, second: int, kind: str) -> Tally:
        return self.by_second.setdefault((second, kind), Tally())

    def add(self, other: "Tallies", width: int = 1) -> None:
        """Taking so many seconds together, under the first of them."""
        for (second, kind), tally in other.by_second.items():
            self.at(second // width * width, kind).add(tally)

    def kinds(self) -> list[str]:
        return sorted({kind for _, kind in self.by_second})

    def total(self, kind: str, since: int = 0, until: float = float("inf")) -> Tally:
        """Of all seconds from `since` on and before `until`."""
        return total(tally for (second, of), tally in self.by_second.items() if of == kind and since <= second < until)

    def as_json(self) -> list[list[Any]]:
        return [[second, kind, tally.as_json()] for (second, kind), tally in sorted(self.by_second.items())]

    @classmethod
    def from_json(cls, told: Iterable[Any]) -> Self:
        tallies = cls()
        tallies.by_second = {(second, kind): Tally.from_json(tally) for second, kind, tally in told}
        return tallies


def total(tallies: Iterable[Tally]) -> Tally:
    result = Tally()
    for each in tallies:
        result.add(each)
    return result
