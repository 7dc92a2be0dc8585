"""Hypothesis strategies for trained models: any features, with snapshots whose numbers are rolled.

No number of a snapshot is a round one, so that no user is as near to one cluster as to another.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from hypothesis import strategies as st

from services.segmentation.models.definition import MODEL, ModelDefinition, RfmModel
from services.segmentation.models.recipes import RFM_FEATURES
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Body, Classes, Clusters, Knots, Linear, Snapshot, Trees
from services.segmentation.rules.durations import format_duration
from tests.oracle.models import Trained
from tests.oracle.pools import DURATIONS_MS, PROPERTIES, TYPES
from tests.oracle.rule_strategies import MODELS, measured

_seeds = st.integers(0, 2**32 - 1)
_fates = st.sampled_from([*("trained",) * 8, "not trained yet", "trained for another definition"])
_texts = st.lists(measured().map(str), min_size=1, max_size=3)
_windows = st.sampled_from([None, *(format_duration(ms) for ms in DURATIONS_MS)])


@st.composite
def models(draw: st.DrawFn) -> Mapping[str, Trained]:
    return {model: _model(draw, model) for model in MODELS}


def _model(draw: st.DrawFn, model: str) -> Trained:
    definition, random = draw(_definitions(model)), Random(draw(_seeds))
    match draw(_fates):
        case "trained":
            return Trained(definition, rolled(model, definition, random))
        case "not trained yet":
            return Trained(definition, None)
    other = MODEL.validate_python({**definition.model_dump(), "among": "others"})
    return Trained(definition, rolled(model, other, random))


@st.composite
def _definitions(draw: st.DrawFn, model: str) -> ModelDefinition:
    content: dict[str, Any] = {"name": model, "kind": MODELS[model]}
    if MODELS[model] == "rfm":
        content |= {
            "event": draw(st.sampled_from(TYPES)),
            "value": draw(st.sampled_from(("value", *PROPERTIES))),
            "within": draw(_windows),
        }
    else:
        content["features"] = {f"f{number}": text for number, text in enumerate(draw(_texts))}
    return MODEL.validate_python(content)


def rolled(model: str, definition: ModelDefinition, random: Random) -> Snapshot:
    names = RFM_FEATURES if isinstance(definition, RfmModel) else tuple(definition.features)
    means, deviations = (tuple(random.uniform(*span) for _ in names) for span in ((0, 2), (0.3, 2)))
    body = _body(definition, len(names), random)
    return Snapshot(model, 1, definition.digest, names, Scale(means, deviations), body, 100, 0)


def _body(definition: ModelDefinition, length: int, random: Random) -> Body:
    match definition.kind:
        case "cluster":
            centres = tuple(_point(length, random) for _ in range(random.choice([2, 3, 5])))
            ids = tuple(f"c{1 + number % 3}" for number in range(len(centres)))
            return Clusters(centres, ids, power=random.choice([2.0, 1.0, 2.0]), next_id=4)
        case "rfm":
            recency = sorted(random.sample(DURATIONS_MS, 4))
            return Classes(_four(recency), _four([1, 2, random.choice([2, 3]), 5]), _four([0.5, 1, 2.5, 4.1]))
        case "anomaly":
            return _trees(length, random)
    return Linear(_point(length, random), random.uniform(-1, 1), _curve(random))


def _trees(length: int, random: Random) -> Trees:
    trees = range(2)
    features = tuple(tuple(random.randrange(length) for _ in range(3)) for _ in trees)
    thresholds = tuple(_point(3, random) for _ in trees)
    masses = tuple(tuple(float(random.randrange(9)) for _ in range(7)) for _ in trees)
    return Trees(2, 1.0, features, thresholds, masses, tuple((40 * at - 80, y) for at, y in _curve(random)))


def _curve(random: Random) -> Knots:
    xs, ys = (sorted(random.uniform(*span) for _ in range(5)) for span in ((-2, 2), (0, 1)))
    return tuple(zip(xs, ys, strict=True))


def _point(length: int, random: Random) -> tuple[float, ...]:
    return tuple(random.uniform(-2, 2) for _ in range(length))


def _four(numbers: Any) -> Any:
    """Four bounds, in rising order."""
    return tuple(numbers)
