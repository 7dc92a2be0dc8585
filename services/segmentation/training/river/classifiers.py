"""Classifiers: a weighted sum of the features tells a label from its contrary.

River learns it sample by sample; what it keeps beside the weights is its optimizer's, so that goes into the state.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from river import linear_model, optim
from river.utils import VectorDict

from services.segmentation.models.definition import Parameter
from services.segmentation.models.scaling import Scaled
from services.segmentation.training.river.catalogue import Settings, settings
from services.segmentation.training.river.points import point, readable

State = dict[str, Any]
"""What JSON holds, and brings back as it was."""

_OPTIMIZERS: Final = MappingProxyType({"AdaGrad": (optim.AdaGrad, 0.1), "SGD": (optim.SGD, 0.01)})
"""With the rate that each learns at if none is given."""


class Classifier:
    """River's LogisticRegression, with a weight for every feature from the start."""

    def __init__(self, known: Settings, dimensions: int) -> None:
        own = {name: value for name, value in known.items() if name not in {"optimizer", "lr"}}
        self._dimensions = dimensions
        optimizer, rate = _OPTIMIZERS[known["optimizer"]]
        self._river: Any = linear_model.LogisticRegression(optimizer(known["lr"] or rate), **own)
        self._set_weights([0.0] * dimensions)

    def learn(self, scaled: Scaled, label: bool, weight: float = 1.0) -> None:
        """Raises ValueError of a point that is too long, too short or not finite, and changes nothing."""
        self._river.learn_one(point(scaled, self._dimensions), label, weight)

    @property
    def weights(self) -> tuple[float, ...]:
        """One for each feature."""
        return self._in_order(self._river.weights)

    @property
    def intercept(self) -> float:
        return float(self._river.intercept)

    def raw(self, scaled: Scaled) -> float:
        """The sum before any link, as a snapshot adds it up: above 0 the label is more likely than not."""
        return self.intercept + sum(weight * value for weight, value in zip(self.weights, scaled, strict=True))

    def state(self) -> State:
        river = self._river
        state: State = {
            "weights": list(self.weights),
            "intercept": self.intercept,
            "steps": river.optimizer.n_iterations,
        }
        if isinstance(river.optimizer, optim.AdaGrad):
            state["squares"] = list(self._in_order(river.optimizer.g2))
        if river.l1:
            state["penalties"] = [float(river.max_cum_l1), *self._in_order(river.cum_l1)]
        return state

    def restore(self, state: State) -> None:
        river = self._river
        self._set_weights(state["weights"])
        river.intercept, river.optimizer.n_iterations = float(state["intercept"]), int(state["steps"])
        if isinstance(river.optimizer, optim.AdaGrad):
            river.optimizer.g2.update(point(state["squares"], self._dimensions).items())
        if river.l1:
            river.max_cum_l1, *each = map(float, state["penalties"])
            river.cum_l1 = VectorDict(point(each, self._dimensions), optim.initializers.Zeros())

    def _set_weights(self, weights: Sequence[float]) -> None:
        self._river._weights = VectorDict(point(weights, self._dimensions))

    def _in_order(self, by_position: Mapping[Any, float]) -> tuple[float, ...]:
        return tuple(float(by_position.get(position, 0.0)) for position in range(self._dimensions))


def start(name: str, parameters: Mapping[str, Parameter], dimensions: int) -> Classifier:
    """One that has learned nothing. Raises BadParameters."""
    return Classifier(settings("classifier", name, parameters), dimensions)


def restore(name: str, parameters: Mapping[str, Parameter], state: State) -> Classifier:
    """The one of which `state` is, to the last number. Raises ValueError where it is not a state."""
    with readable():
        restored = start(name, parameters, len(state["weights"]))
        restored.restore(state)
    return restored
