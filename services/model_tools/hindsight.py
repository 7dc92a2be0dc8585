"""How right a model was: what it said of users before it had learned from them, beside what turned out to be true.

That is prequential evaluation (Dawid, 1984): test first, then train. The latest `MOST` answers count.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from services.segmentation.models.definition import LookalikeModel, ModelDefinition, PropensityModel
from services.segmentation.models.samples import Outcome, Sample
from services.segmentation.rules.durations import parse_duration

MOST = 20_000
MOST_OPEN = 100_000
Says = Callable[[Sample], float | None]
"""What the latest snapshot says of a sample; None where there is none yet."""


class Judged(NamedTuple):
    said: float
    was_true: bool


class Hindsight:
    """Of a model that foretells nothing, and the ground of those that do."""

    def __init__(self) -> None:
        self.judged: deque[Judged] = deque(maxlen=MOST)
        """The oldest first."""

    def sampled(self, sample: Sample, says: Says) -> None:
        """Called before the sample is learned."""

    def happened(self, outcome: Outcome) -> None:
        pass


class OfLabels(Hindsight):
    """Whether those are in the seed segment who are said to be like it."""

    def sampled(self, sample: Sample, says: Says) -> None:
        said = says(sample)
        if said is not None and sample.label is not None:
            self.judged.append(Judged(said, sample.label))


class _Open:
    """What was said of a user and is not known yet to be right."""

    __slots__ = ("at_ms", "said", "user", "was_true")

    def __init__(self, user: int, at_ms: int, said: float) -> None:
        self.user, self.at_ms, self.said, self.was_true = user, at_ms, said, False


class OfOutcomes(Hindsight):
    """Whether those do it within the horizon who are said to be likely to."""

    def __init__(self, within_ms: int) -> None:
        super().__init__()
        self._within_ms = within_ms
        self._open: deque[_Open] = deque()
        self._by_user: dict[int, deque[_Open]] = {}

    def sampled(self, sample: Sample, says: Says) -> None:
        self._close(sample.at_ms)
        said = says(sample)
        if said is None:
            return
        told = _Open(sample.user, sample.at_ms, said)
        self._open.append(told)
        self._by_user.setdefault(sample.user, deque()).append(told)
        if len(self._open) > MOST_OPEN:
            self._oldest()

    def happened(self, outcome: Outcome) -> None:
        for told in self._by_user.get(outcome.user, ()):
            told.was_true |= told.at_ms < outcome.at_ms <= told.at_ms + self._within_ms

    def _close(self, now_ms: int) -> None:
        while self._open and self._open[0].at_ms + self._within_ms < now_ms:
            told = self._oldest()
            self.judged.append(Judged(told.said, told.was_true))

    def _oldest(self) -> _Open:
        told = self._open.popleft()
        of_user = self._by_user[told.user]
        of_user.popleft()
        if not of_user:
            del self._by_user[told.user]
        return told


def hindsight(definition: ModelDefinition) -> Hindsight:
    """The one that fits a model's kind."""
    match definition:
        case LookalikeModel():
            return OfLabels()
        case PropensityModel(within=within):
            return OfOutcomes(parse_duration(within))
    return Hindsight()
