"""How unusual a user is, as a part of the population."""

from itertools import cycle, islice

from services.segmentation.models.definition import AnomalyModel
from services.segmentation.models.forest import unusual_by_walk
from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scaled
from services.segmentation.models.snapshots import Trees
from services.segmentation.training.curves import percentiles
from services.segmentation.training.learner import Kind, Occasion, Population
from services.segmentation.training.port import State
from services.segmentation.training.river import detectors


def kind_of(definition: AnomalyModel) -> Kind:
    return Kind(
        begin=lambda population: _Watching(definition, _detector(definition, population)),
        resume=lambda state, _: _Watching(
            definition, detectors.restore(definition.estimator, definition.parameters, state)
        ),
    )


class _Watching:
    def __init__(self, definition: AnomalyModel, detector: detectors.Detector) -> None:
        self._definition, self._detector = definition, detector

    def learn(self, _: Sample, scaled: Scaled) -> None:
        self._detector.learn(scaled)

    def restart(self, population: Population) -> None:
        self._detector = _detector(self._definition, population)

    def body(self, occasion: Occasion) -> Trees:
        as_they_are = self._detector.trees(())
        return self._detector.trees(percentiles([*map(unusual_by_walk(as_they_are), occasion.population.scaled)]))

    def state(self) -> State:
        return self._detector.state()


def _detector(definition: AnomalyModel, population: Population) -> detectors.Detector:
    """One that knows these users, each as often as it takes to fill its window: before that everybody is usual."""
    detector = detectors.start(definition.estimator, definition.parameters, len(population.scale.means))
    known = population.scaled
    for scaled in islice(cycle(known), max(len(known), detector.window)):
        detector.learn(scaled)
    return detector
