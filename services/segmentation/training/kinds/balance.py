"""A classifier that hears as much of one label as of the other, however rare one of them is.

Some users of each label are remembered, each once. Whoever is learned is learned together with one of these who has the
other label, in turn, so that each step is as large as any other: a weight of a hundred on the rarer label would throw
the model about. Until both labels were seen nothing is learned, and everybody is alike.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from services.segmentation.models.definition import LookalikeModel, PropensityModel
from services.segmentation.models.samples import Sample, Vector
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Knots, Linear
from services.segmentation.training.learner import Seen
from services.segmentation.training.port import State
from services.segmentation.training.river import classifiers

REMEMBERED = 1_000
"""Users of each label."""

Labelled = LookalikeModel | PropensityModel
Example = Sample | Seen
"""Who has no label has the contrary."""


class Balanced:
    """Features are remembered as they were measured, for the scale may change."""

    def __init__(self, scale: Scale, classifier: classifiers.Classifier, examples: "Examples") -> None:
        self._scale, self._classifier, self._examples = scale, classifier, examples

    @classmethod
    def begin(cls, definition: Labelled, scale: Scale, told: Sequence[Example]) -> "Balanced":
        """One that has learned these."""
        classifier = classifiers.start(definition.estimator, definition.parameters, len(scale.means))
        balanced = cls(scale, classifier, Examples())
        for each in told:
            balanced._examples.add(each)
        balanced.restart(scale, told)
        return balanced

    @classmethod
    def resume(cls, definition: Labelled, scale: Scale, state: State) -> "Balanced":
        classifier = classifiers.restore(definition.estimator, definition.parameters, state["classifier"])
        return cls(scale, classifier, Examples.resume(state["examples"]))

    def learn(self, each: Example) -> None:
        self._examples.add(each)
        self._practise(each)

    def restart(self, scale: Scale, told: Iterable[Example]) -> None:
        """Go on in another scale, and learn these in it.

        Weights stay as they are, for a deviation is as telling as it was. To move them, so that all sums are the same,
        would blow up those of features that were clipped in the old scale; to forget them would leave a young site,
        whose scale changes often, with what its panel tells.
        """
        self._scale = scale
        for each in told:
            self._practise(each)

    def raw(self, scaled: Scaled) -> float:
        return self._classifier.raw(scaled)

    def linear(self, curve: Knots) -> Linear:
        return Linear(self._classifier.weights, self._classifier.intercept, curve)

    def state(self) -> State:
        return {"classifier": self._classifier.state(), "examples": self._examples.state()}

    def _practise(self, each: Example) -> None:
        label = each.label is True
        other = self._examples.next_of(not label)
        if other is not None:
            self._classifier.learn(self._scale.scaled(each.features), label)
            self._classifier.learn(self._scale.scaled(other), not label)


class Examples:
    """Users of each label as they were last, from whom one after the other is taken.

    Who is new makes the one leave who was taken the longest ago.
    """

    def __init__(self) -> None:
        self._waiting: dict[bool, OrderedDict[int, Vector]] = {label: OrderedDict() for label in (False, True)}

    @classmethod
    def resume(cls, state: State) -> "Examples":
        examples = cls()
        for label, waiting in zip((False, True), state["waiting"], strict=True):
            examples._waiting[label].update((user, tuple(features)) for user, features in waiting)
        return examples

    def add(self, each: Example) -> None:
        waiting = self._waiting[each.label is True]
        waiting[each.user] = each.features
        waiting.move_to_end(each.user)
        if len(waiting) > REMEMBERED:
            waiting.popitem(last=False)

    def next_of(self, label: bool) -> Vector | None:
        waiting = self._waiting[label]
        if not waiting:
            return None
        user, features = waiting.popitem(last=False)
        waiting[user] = features
        return features

    def state(self) -> State:
        both = [[[user, [*features]] for user, features in waiting.items()] for waiting in self._waiting.values()]
        return {"waiting": both}
