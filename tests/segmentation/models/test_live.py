"""What models say while the stream goes on, against asking them anew at every moment.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.intervals import START
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.live import LiveModels
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Body, Classes, Clusters, Linear, Snapshot
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.outputs import NOTHING
from services.segmentation.rules.parse import parse
from services.segmentation.rules.said import told, told_at
from services.segmentation.rules.scene import Scene
from tests.oracle.judge import everything, first_arrivals, model_worth
from tests.oracle.models import DAY_MS
from tests.oracle.pools import NOON_MS, USER
from tests.oracle.rule_strategies import MODELS
from tests.oracle.seen import Seen
from tests.oracle.worlds import World, worlds

MANY = settings(max_examples=10_000 if os.environ.get("TRANCHE_TEST_LONG") else 80, deadline=None)
TERMS: Mapping[str, list[nodes.ModelTerm]] = {
    "cluster": [nodes.Cluster("groups")],
    "propensity": [nodes.Score("likely")],
    "anomaly": [nodes.Score("odd")],
    "rfm": [nodes.Rfm("spent", "r"), nodes.Rfm("spent", "f"), nodes.Rfm("spent", "m")],
}


@MANY
@given(world=worlds(with_models=True), data=st.data())
def test_a_model_says_what_it_says_when_it_is_asked_at_every_moment(world: World, data: st.DataObject) -> None:
    events = first_arrivals([fact for fact in world.facts if isinstance(fact, Event)])
    profile = add_all(None, events, KEEP_ALL)
    if profile is None:
        return
    live = live_of({name: each.definition for name, each in world.models.items()}, *snapshots_of(world))
    scene = Scene(profile, world.zone, outputs=live)
    for model, trained in world.models.items():
        edges = {event.ts_ms + age_ms for event in events for age_ms in trained.ages_ms}
        around = sorted({at + nudge for at in edges for nudge in (-1, 0)} | {profile.latest_ms})
        for at_ms in data.draw(st.lists(st.sampled_from(around), min_size=5, max_size=5)) + around[-4:]:
            seen = Seen(events, [], max(at_ms, profile.latest_ms), everything, {}, {}, world.zone, world.models)
            for term in TERMS[MODELS[model]]:
                note(f"{term} at {seen.at_ms}: {trained.definition}")
                wanted = model_worth(term, seen)
                if wanted is not None and not isinstance(wanted, str):
                    wanted = pytest.approx(float(wanted), rel=1e-9, abs=1e-12)
                assert told_at(term, scene, seen.at_ms) == wanted


def snapshots_of(world: World) -> Iterator[Snapshot]:
    return (each.snapshot for each in world.models.values() if each.snapshot is not None)


def live_of(definitions: Mapping[str, ModelDefinition], *snapshots: Snapshot) -> LiveModels:
    return LiveModels.of(definitions, snapshots, KEEP_ALL)


def model(kind: str, **content: Any) -> ModelDefinition:
    if kind != "rfm":
        features = content.pop("features", ["decayed('view', halflife='1d')"])
        content["features"] = {f"f{number}": text for number, text in enumerate(features)}
    return MODEL.validate_python({"name": "m", "kind": kind, **content})


def snapshot(definition: ModelDefinition, body: Body, version: int = 1, length: int = 1) -> Snapshot:
    names = tuple(getattr(definition, "features", ())) or ("recency_ms", "frequency", "value")
    scale = Scale((0.0,) * len(names), (1.0,) * len(names))
    return Snapshot("m", version, definition.digest, names, scale, body, 100, 0)


def event(ts_ms: int, event_type: str = "view", **more: Any) -> Event:
    return Event(f"{event_type}@{ts_ms}", USER, event_type, ts_ms, **more)


def profile_of(*events: Event) -> Profile:
    profile = add_all(None, events, KEEP_ALL)
    assert profile is not None
    return profile


STRAIGHT = Linear((1.0,), 0.0, ((0.0, 0.0), (1.0, 1.0)))
"""The score is the feature itself, up to 1."""
FOLLOWER = model("propensity")


def scores(definition: ModelDefinition, *events: Event, body: Body = STRAIGHT) -> list[tuple[int, Any]]:
    live = live_of({"m": definition}, snapshot(definition, body))
    return list(live.steps(Scene(profile_of(*events), UTC, outputs=live), "m"))


def test_it_is_asked_at_the_newest_event_and_one_seven_and_thirty_days_later() -> None:
    moments, said = zip(*scores(FOLLOWER, event(NOON_MS - DAY_MS), event(NOON_MS)), strict=True)
    assert moments == (START, NOON_MS + DAY_MS, NOON_MS + 7 * DAY_MS, NOON_MS + 30 * DAY_MS)
    assert all(one > other for one, other in pairwise(said))


def test_what_it_does_not_look_at_changes_nothing() -> None:
    alone = scores(FOLLOWER, event(NOON_MS))
    assert scores(FOLLOWER, event(NOON_MS), event(NOON_MS + 5 * DAY_MS, "buy")) == alone


def test_not_even_by_making_what_it_looks_at_look_old() -> None:
    big = model("propensity", features=["avg('view', 'value', within='1d') > 3"])
    views = [event(NOON_MS, properties={"value": 5})]
    assert scores(big, *views, event(NOON_MS + 5 * DAY_MS, "buy")) == scores(big, *views)
    assert scores(big, *views)[0] == (START, 1.0)


@pytest.mark.parametrize(
    ("feature", "more"), [("trait('vip')", {"traits": {"vip": True}}), ("last('a')", {"context": {"a": True}})]
)
def test_a_value_that_is_told_again_is_news(feature: str, more: dict[str, Any]) -> None:
    valued = model("propensity", features=[feature])
    again = scores(valued, event(NOON_MS, **more), event(NOON_MS + DAY_MS, "buy", **more))
    assert [at_ms for at_ms, _ in again[1:]] == [NOON_MS + days * DAY_MS for days in (2, 8, 31)]


def test_of_whom_it_knows_nothing_it_says_the_same_for_ever() -> None:
    daily = model("propensity", features=["count('view', within='today')", "tenure() > '1d'"])
    two = Linear((1.0, 1.0), 0.25, ((0.0, 0.0), (1.0, 1.0)))
    live = live_of({"m": daily}, snapshot(daily, two))
    ((begin, score),) = live.steps(Scene(Profile(None, START), UTC, outputs=live), "m")
    assert (begin, score) == (START, 1.0)  # without an event, tenure is longer than any duration


def test_classes_change_at_the_moments_at_which_they_do() -> None:
    hour = 3_600_000
    rfm = model("rfm", event="buy", within="2h")
    body = Classes((hour, 3 * hour, 4 * hour, 5 * hour), (1, 2, 3, 4), (10, 20, 30, 40))
    bought = [event(NOON_MS + at, "buy", properties={"value": 15}) for at in (0, 1)]
    said = scores(rfm, *bought, body=body)
    changes = [said[0], *(after for before, after in pairwise(said) if before[1] != after[1])]
    assert changes == [
        (START, (5, 3, 4)),
        (NOON_MS + hour + 1, (4, 3, 4)),
        (NOON_MS + 2 * hour, (4, 2, 2)),
        (NOON_MS + 2 * hour + 1, (4, 1, 1)),
        (NOON_MS + 3 * hour + 1, (3, 1, 1)),
        (NOON_MS + 4 * hour + 1, (2, 1, 1)),
        (NOON_MS + 5 * hour + 1, (1, 1, 1)),
    ]


def test_who_never_bought_is_in_no_class() -> None:
    body = Classes((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4))
    assert scores(model("rfm", event="buy"), event(NOON_MS), body=body) == [(START, None)]


def test_the_newest_snapshot_of_this_very_definition_counts() -> None:
    now, then = model("cluster"), model("cluster", among="others")
    first, second = (Clusters(((0.0,),), (name,)) for name in ("c1", "c2"))
    bodies = [snapshot(now, second, 2), snapshot(now, first, 1), snapshot(then, first, 3)]
    live = live_of({"m": now}, *bodies)
    scene = Scene(profile_of(event(NOON_MS)), UTC, outputs=live)
    assert told_at(nodes.Cluster("m"), scene, NOON_MS) == "c2"
    assert live_of({"m": now}, bodies[2]).steps(scene, "m") == NOTHING
    assert live_of({"m": now}).steps(scene, "m") == NOTHING
    assert live.steps(scene, "another") == NOTHING
    assert live.with_snapshots([snapshot(now, first, 4)]).steps(scene, "m")[0] == (START, "c1")
    assert live.steps(scene, "m")[0] == (START, "c2")


def test_a_snapshot_of_other_features_than_the_definition_says_nothing() -> None:
    now = model("cluster")
    odd = replace(snapshot(now, Clusters(((0.0,),), ("c1",))), features=("other",))
    live = live_of({"m": now}, odd)
    assert live.steps(Scene(profile_of(event(NOON_MS)), UTC, outputs=live), "m") == NOTHING


@pytest.mark.parametrize("output", ["c1", 0.5, (1, 2, 3), None])
def test_what_is_of_another_sort_is_nothing(output: Any) -> None:
    terms = nodes.Cluster("m"), nodes.Score("m"), nodes.Rfm("m", "f")
    fitting = {str: 0, float: 1, tuple: 2}.get(type(output))
    assert [told(term, output) is not None for term in terms] == [number == fitting for number in range(3)]


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ('cluster("m") == "c1"', False),
        ('cluster("m") != "c1"', True),
        ('"c1" != cluster("m")', True),
        ('cluster("m") in ["c1"]', False),
        ('cluster("m") not in ["c1"]', True),
        ('score("m") >= 0', False),
        ('score("m") < 1', False),
        ('not score("m") < 1', True),
        ('rfm("m", "r") <= 5', False),
        ('rfm("m", "r") != 3', True),
        ('rfm("m", "r") not in [1, 2, 3, 4, 5]', True),
    ],
)
def test_where_nothing_is_said_nothing_is_equal_or_ordered(rule: str, holds: bool) -> None:
    scene = Scene(profile_of(event(NOON_MS)))
    assert evaluator(parse(rule, models=None))(scene) == ((START,) if holds else ())


def test_scores_that_differ_by_next_to_nothing_are_equal() -> None:
    flat = Linear((0.0,), 0.0, ((0.0, 0.95), (1.0, 0.95)))
    live = live_of({"m": FOLLOWER}, snapshot(FOLLOWER, flat))
    scene = Scene(profile_of(event(NOON_MS)), UTC, outputs=live)
    for threshold, holds in (("0.95000000000000005", True), ("0.9500000000000000001", True), ("0.9500000001", False)):
        assert evaluator(parse(f'score("m") >= {threshold}', models=None))(scene) == ((START,) if holds else ())
