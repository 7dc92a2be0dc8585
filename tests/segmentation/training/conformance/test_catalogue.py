"""What may be named and set, and what is said of what may not."""

import inspect

import pytest
from river import anomaly, cluster, linear_model

from services.segmentation.models.definition import MODEL, Parameter
from services.segmentation.training.river import catalogue
from services.segmentation.training.river.catalogue import BadParameters, Role, check, settings

REFUSED: list[tuple[Role, str, dict[str, Parameter], str]] = [
    ("clusterer", "KMeens", {}, "no clusterer 'KMeens'; there is DBSTREAM, DenStream, KMeans, STREAMKMeans"),
    ("clusterer", "CluStream", {}, "no clusterer"),
    ("clusterer", "LogisticRegression", {}, "no clusterer"),
    ("clusterer", "KMeans", {"k": 3}, "no parameter 'k'; it has halflife, mu, n_clusters, p, seed, sigma"),
    ("clusterer", "KMeans", {"n_clusters": 0}, "a whole number from 1 to 64, not 0"),
    ("clusterer", "KMeans", {"n_clusters": 2.5}, "a whole number"),
    ("clusterer", "KMeans", {"n_clusters": True}, "a whole number"),
    ("clusterer", "KMeans", {"n_clusters": "3"}, "a whole number"),
    ("clusterer", "KMeans", {"seed": None}, "a whole number"),
    ("clusterer", "KMeans", {"halflife": 0}, "a number from 0.0001 to 1"),
    ("clusterer", "KMeans", {"halflife": float("nan")}, "a number"),
    ("clusterer", "KMeans", {"p": float("inf")}, "a number"),
    ("clusterer", "DBSTREAM", {"fading_factor": 0}, "a number from 0.0005"),
    ("clusterer", "DBSTREAM", {"cleanup_interval": 0}, "a whole number from 1"),
    ("clusterer", "DenStream", {"beta": 0.4, "mu": 2}, "greater than 1"),
    ("classifier", "LogisticRegression", {"optimizer": "Newton"}, "one of AdaGrad, SGD"),
    ("classifier", "LogisticRegression", {"l1": 0.1, "l2": 0.1}, "either l1 or l2"),
    ("detector", "HalfSpaceTrees", {"height": 30}, "from 1 to 10"),
]


@pytest.mark.parametrize(("role", "estimator", "parameters", "told"), REFUSED)
def test_what_may_not_be_is_refused_with_what_there_is(
    role: Role, estimator: str, parameters: dict[str, Parameter], told: str
) -> None:
    with pytest.raises(BadParameters, match=told):
        settings(role, estimator, parameters)


@pytest.mark.parametrize(
    ("kind", "estimator"), [("cluster", "KMeans"), ("propensity", "LogisticRegression"), ("anomaly", "HalfSpaceTrees")]
)
def test_a_definition_is_checked_by_its_kind(kind: str, estimator: str) -> None:
    told = {"kind": kind, "name": "m", "features": {"t": "tenure()"}}
    check(MODEL.validate_python({**told, "estimator": estimator}))
    check(MODEL.validate_python(told))
    for wrong in ({"estimator": "Perceptron"}, {"parameters": {"depth": 3}}):
        with pytest.raises(BadParameters):
            check(MODEL.validate_python({**told, **wrong}))


def test_classes_by_quantiles_have_no_estimator_to_check() -> None:
    check(MODEL.validate_python({"kind": "rfm", "name": "m"}))


@pytest.mark.parametrize(
    "river",
    [cluster.DBSTREAM, cluster.DenStream, cluster.KMeans, anomaly.HalfSpaceTrees, linear_model.LogisticRegression],
)
def test_parameters_have_the_names_that_river_gives_them(river: type) -> None:
    roles: list[Role] = ["clusterer", "classifier", "detector"]
    known = next(
        catalogue._ESTIMATORS[role][river.__name__] for role in roles if river.__name__ in catalogue._ESTIMATORS[role]
    )
    assert set(known) - {"lr"} <= set(inspect.signature(river).parameters)
    assert set(inspect.signature(river).parameters) - set(known) <= {"limits", "loss", "initializer"}


def test_every_parameter_not_given_has_its_default() -> None:
    assert settings("clusterer", "KMeans", {"n_clusters": 8}) == {
        "n_clusters": 8, "halflife": 0.01, "mu": 0.0, "sigma": 1.0, "p": 2, "seed": 1,
    }  # fmt: skip
