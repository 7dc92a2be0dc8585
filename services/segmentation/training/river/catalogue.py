"""Which of River's estimators a model may name, and what may be set of them, within bounds in which they are safe.

Names are River's own; `lr` is that of the optimizer. Bounds keep what an estimator holds small and its numbers finite,
whatever the samples. Defaults are River's but where others were measured to be better. A clusterer that is missing here
fails the conformance suite: what CluStream predicts is not the nearest of its centres, ODAC and TextClust group other
things than points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from services.segmentation.models.definition import (
    AnomalyModel,
    ClusterModel,
    LookalikeModel,
    ModelDefinition,
    Parameter,
    PropensityModel,
    RfmModel,
)
from services.segmentation.models.scaling import LIMIT

Role = Literal["clusterer", "classifier", "detector"]
Settings = Mapping[str, Any]
"""Every parameter that there is of an estimator, checked; None where the warm-up or another parameter is to say."""


class BadParameters(ValueError):
    """Says which name or value it is, and what there is instead."""


@dataclass(frozen=True, slots=True)
class Real:
    default: float | None
    least: float
    most: float

    def takes(self, value: Parameter) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Whole:
    default: int | None
    least: int
    most: int

    def takes(self, value: Parameter) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"a whole number from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Choice:
    default: str
    among: tuple[str, ...]

    def takes(self, value: Parameter) -> bool:
        return value in self.among

    def __str__(self) -> str:
        return f"one of {', '.join(self.among)}"


Bounds = Real | Whole | Choice

_SEED: Final = Whole(1, 0, 2**32 - 1)
_MEAN: Final = Real(0.0, -LIMIT, LIMIT)
_SPREAD: Final = Real(1.0, 0.0, LIMIT)
_RADIUS: Final = Real(None, 0.01, 100.0)

_ESTIMATORS: Final[Mapping[Role, Mapping[str, Mapping[str, Bounds]]]] = MappingProxyType(
    {
        "clusterer": {
            "DBSTREAM": {
                "clustering_threshold": _RADIUS,
                "fading_factor": Real(0.01, 0.0005, 1.0),
                "cleanup_interval": Whole(2, 1, 1_000),
                "intersection_factor": Real(0.3, 0.0, 1.0),
                "minimum_weight": Real(1.0, 0.0, 10_000.0),
            },
            "DenStream": {
                "decaying_factor": Real(0.25, 0.01, 10.0),
                "beta": Real(0.75, 0.01, 1.0),
                "mu": Real(None, 1.01, 10_000.0),
                "epsilon": _RADIUS,
                "n_samples_init": Whole(None, 1, 1_000),
                "stream_speed": Whole(100, 1, 10_000),
            },
            "KMeans": {
                "n_clusters": Whole(5, 1, 64),
                "halflife": Real(0.01, 0.0001, 1.0),
                "mu": _MEAN,
                "sigma": _SPREAD,
                "p": Real(2, 1.0, 4.0),
                "seed": _SEED,
            },
            "STREAMKMeans": {
                "chunk_size": Whole(10, 2, 10_000),
                "n_clusters": Whole(2, 1, 64),
                "halflife": Real(0.5, 0.0001, 1.0),
                "mu": _MEAN,
                "sigma": _SPREAD,
                "seed": _SEED,
            },
        },
        "classifier": {
            "LogisticRegression": {
                "optimizer": Choice("AdaGrad", ("AdaGrad", "SGD")),
                "lr": Real(None, 0.000_001, 1.0),
                "l2": Real(0.0, 0.0, 1.0),
                "l1": Real(0.0, 0.0, 1.0),
                "intercept_init": Real(0.0, -20.0, 20.0),
                "intercept_lr": Real(0.01, 0.0, 1.0),
                "clip_gradient": Real(1e12, 0.001, 1e12),
            }
        },
        "detector": {
            "HalfSpaceTrees": {
                "n_trees": Whole(50, 1, 100),
                "height": Whole(6, 1, 10),
                "window_size": Whole(2_000, 10, 100_000),
                "seed": _SEED,
            }
        },
    }
)


def check(definition: ModelDefinition) -> None:
    """Raises BadParameters where there is no such estimator of the model's kind, or not with these parameters."""
    match definition:
        case ClusterModel():
            settings("clusterer", definition.estimator, definition.parameters)
        case LookalikeModel() | PropensityModel():
            settings("classifier", definition.estimator, definition.parameters)
        case AnomalyModel():
            settings("detector", definition.estimator, definition.parameters)
        case RfmModel():
            pass


def settings(role: Role, estimator: str, parameters: Mapping[str, Parameter]) -> Settings:
    """All parameters, given and not. Raises BadParameters."""
    known = _ESTIMATORS[role].get(estimator)
    if known is None:
        raise BadParameters(f"no {role} {estimator!r}; there is {_listed(_ESTIMATORS[role])}")
    for name, value in parameters.items():
        if name not in known:
            raise BadParameters(f"{estimator} has no parameter {name!r}; it has {_listed(known)}")
        if not known[name].takes(value):
            raise BadParameters(f"{name} of {estimator} is {known[name]}, not {value!r}")
    everything = {name: bounds.default for name, bounds in known.items()} | dict(parameters)
    _check_together(estimator, everything)
    return everything


def _check_together(estimator: str, together: Settings) -> None:
    match together:
        case {"beta": float() | int() as beta, "mu": float() | int() as mu} if beta * mu <= 1:
            raise BadParameters(f"beta times mu of {estimator} is greater than 1, not {beta * mu:g}")
        case {"l1": float() | int() as l1, "l2": float() | int() as l2} if l1 and l2:
            raise BadParameters(f"{estimator} has either l1 or l2, not both")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names))
