"""How much the stack can take: the rate goes up in steps until a threshold breaks, and once more between the last step
that held and the one that did not. Everything that decides the next step lives here."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from loadtests.load.measured.thresholds import Verdict
from loadtests.load.report.document import Stage

MOST_STEPS = 24
CLOSE = 1.1
"""Steps that are so close to each other tell nothing more."""

TryRate = Callable[[float], Awaitable[Stage]]


@dataclass
class Search:
    """`held` and `broke` are rates. A search without `broke` ended for another reason."""

    stages: list[Stage] = field(default_factory=list)
    held: float | None = None
    broke: float | None = None
    is_stopped: bool = False

    @property
    def verdict(self) -> Verdict:
        """Ok where a peak was found, whatever it is."""
        if self.held is not None and self.broke is not None:
            return Verdict.OK
        return Verdict.BROKEN if self.broke is not None else Verdict.INVALID

    @property
    def conclusion(self) -> str:
        if self.held is None:
            return (
                "even the first rate did not hold: begin lower, --rate" if self.broke else "no rate could be measured"
            )
        if self.broke is None:
            return f"the peak is at least {self.held:,.0f} a second; what ended the search was not the service"
        return f"the peak is {self.held:,.0f} a second: {self.broke:,.0f} broke {self._what_broke}"

    @property
    def _what_broke(self) -> str:
        stages = [each for each in self.stages if each.rate == self.broke and each.verdict is Verdict.BROKEN]
        names = {each.limit.figure for stage in stages for each in stage.judged if each.verdict is Verdict.BROKEN}
        return ", ".join(sorted(names))


async def find_peak(try_rate: TryRate, first_rate: float, factor: float, is_stopped: Callable[[], bool]) -> Search:
    """Try `first_rate`, then each time `factor` as much. A rate that does not hold is tried once more: a pause of the
    machine is no limit of the service."""
    search, rate = Search(), first_rate
    for _ in range(MOST_STEPS):
        verdict = await _twice(search, try_rate, rate, is_stopped)
        if is_stopped() or verdict is Verdict.INVALID:
            search.is_stopped = is_stopped()
            break
        if verdict is Verdict.OK:
            search.held = rate
        else:
            search.broke = rate
        following = _next(search, rate, factor)
        if following is None:
            break
        rate = following
    return search


async def _twice(search: Search, try_rate: TryRate, rate: float, is_stopped: Callable[[], bool]) -> Verdict:
    verdict = Verdict.INVALID
    for _ in range(2):
        stage = await try_rate(rate)
        search.stages.append(stage)
        verdict = stage.verdict
        if verdict is Verdict.OK or is_stopped():
            break
    return verdict


def _next(search: Search, rate: float, factor: float) -> float | None:
    """The rate to try after this one; None where nothing is left to find out."""
    if search.broke is None:
        return rate * factor
    if search.held is None or search.broke / search.held <= max(CLOSE, factor**0.5):
        return None
    return math.sqrt(search.held * search.broke)
