"""The way from a process to a server and back, on which anything may happen to a call. The only place of such faults.

What was sent happens even when the sender is dead by then, or has long given up and gone on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from random import Random
from typing import Any, NamedTuple, Self, TypeVar

from tests.simulation.loop import running_loop
from tests.simulation.processes import current
from tests.simulation.trace import WORLD, Trace

T = TypeVar("T")
AT_ONCE = 0.5
"""The share of answers that take no time: nothing happens between the effect and its answer, which is cheaper."""


class Fate(Enum):
    ARRIVES = "arrives"
    LOST = "is lost on the way"
    UNANSWERED = "loses its answer"
    LATE = "arrives after its sender has given up"
    TWICE = "arrives twice"

    @property
    def is_answered(self) -> bool:
        return self is Fate.ARRIVES or self is Fate.TWICE


@dataclass(frozen=True)
class Weather:
    """How likely each fate is for a call, and how long the ways can take."""

    lost: float = 0.0
    unanswered: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    way_s: float = 0.001
    patience_s: float = 0.05
    """How long a sender waits for an answer that does not come."""
    lateness_s: float = 0.0

    @classmethod
    def drawn(cls, random: Random) -> Self:
        """Each run has faults of its own: some often, and others never."""
        chances = {each.name: random.choice((0.0, 0.0, 0.03, 0.1, 0.3)) for each in fields(cls)[:4]}
        return cls(
            **chances,
            way_s=random.choice((0.001, 0.01, 0.03)),
            patience_s=random.choice((0.02, 0.1, 0.4)),
            lateness_s=random.choice((0.1, 0.5, 2.0)),
        )

    def fate(self, random: Random) -> Fate:
        drawn = random.random()
        for fate, chance in (
            (Fate.LOST, self.lost),
            (Fate.UNANSWERED, self.unanswered),
            (Fate.LATE, self.late),
            (Fate.TWICE, self.twice),
        ):
            drawn -= chance
            if drawn < 0:
                return fate
        return Fate.ARRIVES


CALM = Weather()


class Network:
    def __init__(self, random: Random, trace: Trace) -> None:
        self.weather = CALM
        self.last_arrival_s = 0.0
        """When the last call arrives of those that are under way."""
        self._random, self._trace = random, trace
        self._loop = running_loop()

    def call(
        self, told: tuple[object, ...], effect: Callable[[], T], error: Callable[[Random], Exception]
    ) -> asyncio.Future[T]:
        """What `effect` returns or raises at the other end; `error` where its sender does not learn of that."""
        process = current()
        assert process is None or process.alive
        answer: asyncio.Future[T] = self._loop.create_future()
        if process is None or self.weather is CALM:
            self._deliver(_Sent(process.name if process else WORLD, told, effect, answer), self._way(), Fate.ARRIVES)
        else:
            sent = _Sent(process.name, told, effect, answer)
            self._send(sent, self.weather.fate(self._random), error)
        return answer

    def _send(self, sent: "_Sent", fate: Fate, error: Callable[[Random], Exception]) -> None:
        weather = self.weather
        if fate is not Fate.ARRIVES:
            self._trace.tell(*sent.told, fate.value, who=sent.who)
        if fate is not Fate.LOST:
            self._deliver(sent, self._way() + (fate is Fate.LATE) * (weather.patience_s + self._late()), fate)
        if fate is Fate.TWICE:
            self._deliver(sent, self._way() + self._late(), fate)
        if not fate.is_answered:
            self._loop.after(weather.patience_s * self._random.random(), _fail, sent.answer, error(self._random))

    def _way(self) -> float:
        return self.weather.way_s * self._random.random() ** 3

    def _late(self) -> float:
        return self.weather.lateness_s * self._random.random()

    def _deliver(self, sent: "_Sent", after_s: float, fate: Fate) -> None:
        arrival_s = self._loop.after(after_s, self._arrive, sent, fate)
        self.last_arrival_s = max(self.last_arrival_s, arrival_s)

    def _arrive(self, sent: "_Sent", fate: Fate) -> None:
        try:
            result: Any = sent.effect()
            settle: Callable[..., None] = _settle
        except Exception as found:
            result, settle = found, _fail
        self._trace.tell(*sent.told, "->", result, who=sent.who)
        if fate.is_answered and self._random.random() < AT_ONCE:
            settle(sent.answer, result)
        elif fate.is_answered:
            self._loop.after(self._way(), settle, sent.answer, result)


class _Sent(NamedTuple):
    who: str
    told: tuple[object, ...]
    effect: Callable[[], Any]
    answer: asyncio.Future[Any]


def _settle(answer: asyncio.Future[Any], result: object) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
