"""The way from a process to a server and back, on which anything may happen to a call. The only place of such faults.

What was sent happens even when the sender is dead by then, or has long given up and gone on.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, fields
from enum import Enum
from random import Random
from typing import Any, Self, TypeVar

from tests.simulation.processes import current
from tests.simulation.trace import WORLD, Trace

T = TypeVar("T")


class Fate(Enum):
    ARRIVES = "arrives"
    LOST = "is lost on the way"
    UNANSWERED = "loses its answer"
    LATE = "arrives after its sender has given up"
    TWICE = "arrives twice"


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


CALM = Weather()


class Network:
    def __init__(self, random: Random, trace: Trace) -> None:
        self.weather = CALM
        self.calls = 0
        self.last_arrival_s = 0.0
        """When the last call arrives of those that are under way."""
        self._random, self._trace = random, trace
        self._loop = asyncio.get_running_loop()

    async def call(self, told: tuple[object, ...], effect: Callable[[], T], error: Callable[[Random], Exception]) -> T:
        """What `effect` returns or raises at the other end; `error` where its sender does not learn of that."""
        process = current()
        assert process is None or process.alive
        self.calls += 1
        answer: asyncio.Future[T] = self._loop.create_future()
        sent = _Sent(process.name if process else WORLD, told, effect, answer)
        weather, fate = self.weather, self._fate() if process else Fate.ARRIVES
        if fate is not Fate.ARRIVES:
            self._trace.tell(*told, fate.value, who=sent.who)
        if fate is not Fate.LOST:
            self._deliver(sent, self._way() + (fate is Fate.LATE) * (weather.patience_s + self._late()), fate)
        if fate is Fate.TWICE:
            self._deliver(sent, self._way() + self._late(), fate)
        if fate not in (Fate.ARRIVES, Fate.TWICE):
            self._later(weather.patience_s * self._random.random(), _fail, answer, error(self._random))
        return await answer

    def _fate(self) -> Fate:
        weather = self.weather
        chances = (weather.lost, weather.unanswered, weather.late, weather.twice)
        drawn = self._random.random()
        for fate, chance in zip((Fate.LOST, Fate.UNANSWERED, Fate.LATE, Fate.TWICE), chances, strict=True):
            drawn -= chance
            if drawn < 0:
                return fate
        return Fate.ARRIVES

    def _way(self) -> float:
        return self.weather.way_s * self._random.random() ** 3

    def _late(self) -> float:
        return self.weather.lateness_s * self._random.random()

    def _deliver(self, sent: "_Sent", after_s: float, fate: Fate) -> None:
        self.last_arrival_s = max(self.last_arrival_s, self._loop.time() + after_s)
        self._later(after_s, self._arrive, sent, fate)

    def _arrive(self, sent: "_Sent", fate: Fate) -> None:
        try:
            result: Any = sent.effect()
            settle: Callable[..., None] = _settle
        except Exception as found:
            result, settle = found, _fail
        self._trace.tell(*sent.told, "->", result, who=sent.who)
        if fate in (Fate.ARRIVES, Fate.TWICE):
            self._later(self._way(), settle, sent.answer, result)

    def _later(self, after_s: float, callback: Callable[..., object], *args: object) -> None:
        """By nobody's process."""
        self._loop.call_at(self._loop.time() + after_s, callback, *args, context=Context())


@dataclass(frozen=True, slots=True)
class _Sent:
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
