"""Look-alikes: how much a user is like those of the seed segment, as a part of the population."""

from services.segmentation.models.definition import LookalikeModel
from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scaled
from services.segmentation.models.snapshots import Linear
from services.segmentation.training.curves import percentiles
from services.segmentation.training.kinds.balance import Balanced
from services.segmentation.training.learner import Kind, Occasion, Population
from services.segmentation.training.port import State


def kind_of(definition: LookalikeModel) -> Kind:
    return Kind(
        begin=lambda population: _Likening(Balanced.begin(definition, population.scale, population.users)),
        resume=lambda state, scale: _Likening(Balanced.resume(definition, scale, state)),
        admits=has_label,
    )


class _Likening:
    def __init__(self, balanced: Balanced) -> None:
        self._balanced = balanced

    def learn(self, sample: Sample, _: Scaled) -> None:
        self._balanced.learn(sample)

    def restart(self, population: Population) -> None:
        self._balanced.restart(population.scale, population.users)

    def body(self, occasion: Occasion) -> Linear:
        return self._balanced.linear(percentiles([*map(self._balanced.raw, occasion.population.scaled)]))

    def state(self) -> State:
        return self._balanced.state()


def has_label(sample: Sample) -> bool:
    """Raises ValueError where a sample has no label."""
    if sample.label is None:
        raise ValueError("a sample that does not say whether the user is in the seed segment")
    return True
