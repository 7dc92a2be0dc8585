"""What models say, as an explanation tells it."""

from datetime import UTC

import orjson
import pytest

from services.segment_api.explain.answer import explain_answer
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import Event
from services.segmentation.explanation.explain import explain
from services.segmentation.explanation.tree import Explanation
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import MODEL
from services.segmentation.models.recipes import RFM_FEATURES
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Body, Classes, Clusters, Linear, Snapshot
from services.segmentation.profile import add_all
from services.segmentation.rules.request import Facts
from tests.oracle.registered import registry_of

T = 1_795_342_500_000  # 2026-11-22 10:15 UTC
HOUR, DAY = 3_600_000, 86_400_000
FEATURES = {"views": "decayed('view', halflife='1d')"}
MODELS = {
    "people": MODEL.validate_python({"name": "m", "kind": "cluster", "features": FEATURES}),
    "likely": MODEL.validate_python({"name": "m", "kind": "propensity", "features": FEATURES}),
    "later": MODEL.validate_python({"name": "m", "kind": "anomaly", "features": FEATURES}),
    "money": MODEL.validate_python({"name": "m", "kind": "rfm", "event": "buy"}),
    "visits": MODEL.validate_python({"name": "m", "kind": "rfm", "event": "view"}),
}
BODIES: dict[str, Body] = {
    "people": Clusters(((0.0,), (0.7,)), ("c1", "c3"), next_id=4),
    "likely": Linear((1.0,), 0.0, ((0.0, 0.0), (1.0, 1.0))),
    "money": Classes((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4)),
    "visits": Classes((HOUR, DAY, 2 * DAY, 3 * DAY), (1, 2, 3, 4), (1, 2, 3, 4)),
}
SENTENCES = {
    "cluster('people') == 'c3'": (
        'In "s" since 2026-11-22 10:15 UTC, until 2026-11-29 10:15 UTC unless something happens: '
        "is in the cluster c3 by the model people (c3 asked)."
    ),
    "cluster('people') in ['c1', 'c2']": (
        'Not in "s" until 2026-11-29 10:15 UTC unless something happens: is in the cluster c3 by the model people '
        "where c1 or c2 is asked (comes by itself on 2026-11-29 10:15 UTC)."
    ),
    "score('likely') >= 0.9": ('Not in "s": has a score of 0.6931 by the model likely where at least 0.9 is asked.'),
    "not score('later') >= 0.9": ('In "s" since 2026-11-22 10:15 UTC: has no score by the model later.'),
    "score('later') < 0.9": 'Not in "s": has no score by the model later where less than 0.9 is asked.',
    "rfm('visits', 'r') >= 4": (
        'In "s" since 2026-11-22 10:15 UTC, until 2026-11-23 10:15 UTC unless something happens: '
        "has class 5 of 5 for recency by the model visits (at least 4 asked)."
    ),
    "rfm('visits', 'f') == 5": ('Not in "s": has class 2 of 5 for frequency by the model visits where 5 is asked.'),
    "rfm('money', 'm') >= 1": 'Not in "s": has no class for value by the model money where at least 1 is asked.',
}


def told_of(rule: str) -> Explanation:
    names = {model: tuple(FEATURES) if model not in ("money", "visits") else RFM_FEATURES for model in MODELS}
    snapshots = [
        Snapshot(model, 1, MODELS[model].digest, names[model], _plain(len(names[model])), body, 1, 0)
        for model, body in BODIES.items()
    ]
    catalog = Catalog(registry=registry_of(MODELS, snapshots))
    catalog = catalog.put("s", SegmentDefinition(name="s", rule=rule), KEEP_ALL)
    profile = add_all(None, [Event("e", "u", "view", T)], KEEP_ALL)
    return explain(profile, catalog, "s", UTC, Facts(T, UTC))


def _plain(length: int) -> Scale:
    return Scale((0.0,) * length, (1.0,) * length)


@pytest.mark.parametrize("rule", SENTENCES)
def test_an_explanation_reads_as_a_marketer_would_write_it(rule: str) -> None:
    assert orjson.loads(orjson.dumps(explain_answer("u", told_of(rule))))["sentence"] == SENTENCES[rule]


@pytest.mark.parametrize(
    ("rule", "value", "threshold"),
    [
        ("cluster('people') in ['c1', 'c2']", "c3", ["c1", "c2"]),
        ("score('likely') >= 0.9", pytest.approx(0.6931, abs=1e-4), 0.9),
        ("rfm('visits', 'r') >= 4", 5, 4),
        ("score('later') < 0.9", None, 0.9),
    ],
)
def test_it_tells_what_was_compared(rule: str, value: object, threshold: object) -> None:
    tree = orjson.loads(orjson.dumps(explain_answer("u", told_of(rule))))["tree"]
    assert (tree["value"], tree["threshold"], tree["sooner"]) == (value, threshold, None)
