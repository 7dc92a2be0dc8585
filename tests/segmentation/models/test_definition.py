"""Definitions: what can be said of a model, and what tells two of them apart."""

import math
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from services.segmentation.models import definition as definition_of_models
from services.segmentation.models.definition import MAX_FEATURES, MODEL, ClusterModel, LookalikeModel

FEATURES = {"views": 'decayed("product_view", halflife="7d")', "age": "tenure()"}
CLUSTER: dict[str, Any] = {"kind": "cluster", "name": "Groups", "features": FEATURES}
LOOKALIKE: dict[str, Any] = {"kind": "lookalike", "name": "Twins", "features": FEATURES, "seed": "vip"}
PROPENSITY: dict[str, Any] = {"kind": "propensity", "name": "Buyers", "features": FEATURES}
ANOMALY: dict[str, Any] = {"kind": "anomaly", "name": "Bots", "features": FEATURES}
RFM: dict[str, Any] = {"kind": "rfm", "name": "Value"}
EACH = [CLUSTER, LOOKALIKE, PROPENSITY, ANOMALY, RFM]


@pytest.mark.parametrize("written", EACH, ids=lambda each: str(each["kind"]))
def test_a_few_words_define_a_model_of_each_kind(written: dict[str, Any]) -> None:
    model = MODEL.validate_python(written)
    assert model.kind == written["kind"]
    assert MODEL.validate_json(MODEL.dump_json(model)) == model
    assert MODEL.validate_python(MODEL.dump_python(model, exclude_defaults=True)).digest == model.digest


def test_everything_can_be_said() -> None:
    model = MODEL.validate_python(
        CLUSTER
        | {
            "description": "who does what",
            "among": "known",
            "sample_every": "1d",
            "warm_up": 50,
            "publish_every": 50,
            "estimator": "DBSTREAM",
            "parameters": {"fading_factor": 0.05, "n": 3, "fast": True, "seed": None, "how": "so"},
            "minimum_share": 0,
        }
    )
    assert isinstance(model, ClusterModel)
    assert model.parameters == {"fading_factor": 0.05, "n": 3, "fast": True, "seed": None, "how": "so"}
    assert model.parameters["fast"] is True
    assert list(model.features) == ["views", "age"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"kind": "clusters"}, "kind"),
        ({"name": ""}, "name"),
        ({"nmae": "x"}, "nmae"),
        ({"among": "Shoppers!"}, "among"),
        ({"sample_every": "6 hours"}, "sample_every"),
        ({"sample_every": "0h"}, "sample_every"),
        ({"warm_up": 10}, "warm_up"),
        ({"warm_up": "1000"}, "warm_up"),
        ({"publish_every": 1}, "publish_every"),
        ({"minimum_share": 0.6}, "minimum_share"),
        ({"minimum_share": math.nan}, "minimum_share"),
        ({"features": {}}, "features"),
        ({"features": {"Views": "tenure()"}}, "features"),
        ({"features": {"views": ""}}, "features"),
        ({"features": {f"f{number}": "tenure()" for number in range(MAX_FEATURES + 1)}}, "features"),
        ({"parameters": {"halflife": math.nan}}, "parameters"),
        ({"parameters": {"halflife": math.inf}}, "parameters"),
        ({"parameters": {"halflife": [1]}}, "parameters"),
        ({"parameters": {f"p{number}": 1 for number in range(33)}}, "parameters"),
        ({"seed": "vip"}, "seed"),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused_where_it_stands(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        MODEL.validate_python(CLUSTER | change)
    assert place in str(refusal.value.errors()[0]["loc"]) + str(refusal.value.errors()[0].get("ctx"))


def test_a_seed_needs_others_beside_it() -> None:
    with pytest.raises(ValidationError, match="seed is the same segment as among"):
        MODEL.validate_python(LOOKALIKE | {"among": "vip"})
    assert isinstance(MODEL.validate_python(LOOKALIKE | {"among": "known"}), LookalikeModel)


def test_a_digest_stays_where_defaults_are_written_out() -> None:
    written = RFM | {"event": "purchase", "value": "value", "within": None, "warm_up": 1_000}
    assert digest(written) == digest(RFM)


def test_a_digest_is_of_nothing_but_what_was_said() -> None:
    """Snapshots hold it: what a later version adds to definitions must not make it another one."""
    assert digest(RFM) == sha256(b'{"features":[],"kind":"rfm"}').hexdigest()


def test_what_was_learned_of_features_that_were_measured_otherwise_is_of_another_definition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = digest(CLUSTER), MODEL.validate_python(CLUSTER).whole_digest, digest(RFM)
    monkeypatch.setattr(definition_of_models, "_MEASURING", 3)
    assert digest(CLUSTER) != before[0]
    assert (MODEL.validate_python(CLUSTER).whole_digest, digest(RFM)) == before[1:]


@pytest.mark.parametrize(
    "change",
    [
        {"features": {"views": FEATURES["views"]}},
        {"features": {"views": FEATURES["views"], "age": 'since("x")'}},
        {"features": {"age": FEATURES["age"], "views": FEATURES["views"]}},  # vectors have another order
        {"parameters": {"n_clusters": 5}},
        {"among": "known"},
        {"minimum_share": 0.1},
    ],
    ids=repr,
)
def test_a_digest_tells_definitions_apart(change: dict[str, Any]) -> None:
    assert digest(CLUSTER | change) != digest(CLUSTER)


@pytest.mark.parametrize(
    "change", [{"name": "Other"}, {"description": "x"}, {"sample_every": "1h"}, {"warm_up": 60}, {"publish_every": 60}]
)
def test_what_was_learned_outlives_another_name_and_another_pace(change: dict[str, Any]) -> None:
    assert digest(CLUSTER | change) == digest(CLUSTER)


def test_a_digest_tells_parameters_of_unlike_sorts_apart() -> None:
    assert len({digest(CLUSTER | {"parameters": {"x": value}}) for value in (1, 1.0, True, "1", None)}) == 5


def test_however_large_a_number_is_there_is_a_digest() -> None:
    large = [2**53, 2**53 + 1, 2**64, 10**30, -(10**30)]
    assert len({digest(CLUSTER | {"parameters": {"x": value}}) for value in large}) > 3


def test_parameters_written_in_another_order_are_the_same() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert digest(CLUSTER | {"parameters": one}) == digest(CLUSTER | {"parameters": other})


def test_a_definition_is_read_only() -> None:
    model = MODEL.validate_python(RFM)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, "event", "view")  # noqa: B010 — the type checker knows already


def digest(written: dict[str, Any]) -> str:
    return MODEL.validate_python(written).digest
