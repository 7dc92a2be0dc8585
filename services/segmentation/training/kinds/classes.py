"""How recently, how often and for how much: bounds between five classes of as many users each.

Where users are equal no bound can part them, and a class may stay empty: a class is what part of the users is worse,
in fifths, so who bought once, as most did, is in the first.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import nextafter

from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Classes
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.training.learner import Kind, Occasion, Population, Seen
from services.segmentation.training.port import State

_FEATURES = 3
"""The age of the latest event in milliseconds, frequency and value."""
_MOST = 1e15
"""In milliseconds 30,000 years; of what is added up as much."""
_UNSCALED = Scale((0.0,) * _FEATURES, (1.0,) * _FEATURES)


def kind_of() -> Kind:
    """Users without the event are in no class, and nothing is learned from them."""
    return Kind(
        begin=lambda _: _Ranking(),
        resume=lambda _state, _scale: _Ranking(),
        scale_of=lambda _: _UNSCALED,
        admits=lambda sample: None not in sample.features,
        bound=_MOST,
        half_life_ms=3_650 * UNITS_MS["d"],  # who bought a year ago is as much a customer as who bought today
        has_classes=True,
    )


class _Ranking:
    """Knows nothing of its own: bounds are those of the panel."""

    def learn(self, sample: Sample, scaled: Scaled) -> None: ...

    def restart(self, population: Population) -> None: ...

    def body(self, occasion: Occasion) -> Classes:
        seen = (_now(user, occasion.at_ms) for user in occasion.population.users)
        ages, frequencies, values = zip(*seen, strict=True)
        return Classes(recency_bounds(ages), bounds(frequencies), bounds(values), occasion.moves)

    def state(self) -> State:
        return {}


def bounds(values: Sequence[float]) -> tuple[float, float, float, float]:
    """From which value on at least one, two, three and four fifths of these have a lower one."""
    ordered = sorted(values)
    first, second, third, fourth = (_first_above(ordered, -(-len(ordered) * fifths // 5)) for fifths in range(1, 5))
    return first, second, third, fourth


def recency_bounds(ages_ms: Sequence[int]) -> tuple[int, int, int, int]:
    """From which age on less than four, three, two and one fifths of these are older."""
    ordered = sorted(ages_ms)
    first, second, third, fourth = (ordered[len(ordered) * fifths // 5] for fifths in range(1, 5))
    return first, second, third, fourth


def _first_above(ordered: Sequence[float], below: int) -> float:
    """The least value above so many; what none of them has where there is none."""
    above = bisect_right(ordered, ordered[below - 1])
    return float(ordered[above]) if above < len(ordered) else nextafter(ordered[-1], float("inf"))


def _now(user: Seen, now_ms: int) -> tuple[int, float, float]:
    """Who was not seen again has not done it again: the age goes on."""
    age_ms, frequency, value = user.features
    assert age_ms is not None
    assert frequency is not None
    assert value is not None
    return int(age_ms) + now_ms - user.at_ms, frequency, value
