"""The models that there are, and which snapshot of each says something now."""

from typing import Any

import pytest

from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models import registry as module
from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.registry import BadModel, Live, Model, Registry, TooManyModels, segments_named
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Linear, Snapshot, Trained
from services.segmentation.profile import add_all
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.outputs import NOTHING
from services.segmentation.rules.scene import Scene

FEATURES = {"views": "count('page_view')"}


def definition(kind: str = "propensity", **content: Any) -> ModelDefinition:
    featured = {} if kind == "rfm" else {"features": FEATURES}
    return MODEL.validate_python({"name": "m", "kind": kind, **featured, **content})


def trained(number: int, of: ModelDefinition, model: str = "m") -> Trained:
    body = Linear((1.0,), 0.0, ((0.0, 0.0), (1.0, float(number))))
    return Trained(of, Snapshot(model, number, of.digest, ("views",), Scale((0.0,), (1.0,)), body, 10, 0))


def test_a_definition_that_is_edited_keeps_what_is_live() -> None:
    before = Registry().put_all({"m": definition()}, 1).published({"m": 3}, 2)
    after = before.put_all({"m": definition(name="other")}, 3)
    assert after.models["m"] == Model("m", 3, definition(name="other"), Live(3, 2))
    assert after.put_all({"m": definition(name="other")}, 4) is after


def test_the_kind_of_a_model_stays() -> None:
    before = Registry().put_all({"m": definition()}, 1)
    with pytest.raises(BadModel, match="model m: it is of the kind propensity"):
        before.put_all({"m": definition("anomaly")}, 2)


def test_there_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MODELS", 1)
    with pytest.raises(TooManyModels):
        Registry().put_all({"a": definition(), "b": definition()}, 1)


def test_a_newer_snapshot_goes_live_and_an_older_one_does_not() -> None:
    before = Registry().put_all({"m": definition()}, 1).published({"m": 3}, 2)
    assert before.published({"m": 3}, 4) is before.published({"m": 2, "gone": 9}, 4) is before
    assert before.published({"m": 4}, 4).models["m"].live == Live(4, 4)


def test_what_is_pinned_keeps_to_its_snapshot_until_it_is_released() -> None:
    live = Registry().put_all({"m": definition()}, 1).published({"m": 5}, 2)
    pinned = live.pinned("m", 3, 6)
    assert (pinned.models["m"].live, pinned.models["m"].pinned) == (Live(3, 6), True)
    assert pinned.pinned("m", 3, 7) is pinned
    assert pinned.published({"m": 9}, 8) is pinned
    released = pinned.released("m")
    assert (released.models["m"].live, released.released("m")) == (Live(3, 6), released)
    assert released.published({"m": 9}, 8).models["m"].live == Live(9, 8)
    assert live.pinned("m", 5, 6).models["m"].live == Live(5, 2)  # it says the same as before


def test_the_file_edits_only_by_saying_something_else() -> None:
    first = Registry().put_file({"m": definition(), "n": definition()}, 1)
    edited = first.put_all({"m": definition(name="by hand")}, 2)
    assert (edited.owner("m"), edited.owner("n")) == ("api", "file")
    assert edited.put_file({"m": definition(), "n": definition()}, 3) is edited
    again = edited.put_file({"m": definition(name="newer"), "n": definition()}, 3)
    assert (again.models["m"].definition.name, again.models["m"].version, again.models["n"].version) == ("newer", 3, 1)
    gone = first.without("n")
    assert gone.put_file({"m": definition(), "n": definition()}, 3) is gone
    assert (
        gone.put_file({"m": definition()}, 3).put_file({"m": definition(), "n": definition()}, 4).owner("n") == "file"
    )


def test_a_member_that_tells_nothing_new_of_learning_is_an_edit_of_the_file_all_the_same() -> None:
    first = Registry().put_file({"m": definition()}, 1)
    assert first.put_file({"m": definition(description="more")}, 2).models["m"].definition.description == "more"


def test_rows_bring_everything_back() -> None:
    registry = (
        Registry()
        .put_file(
            {"a": definition(), "b": definition("rfm"), "c": definition("cluster", cluster_names={"c1": "One"})}, 1
        )
        .published({"a": 2}, 3)
        .pinned("c", 7, 4)
    )
    rows = [model.row for model in registry.models.values()]
    assert Registry().after(rows, registry.from_file) == registry


def test_only_what_is_live_and_not_at_hand_is_missing() -> None:
    models = Registry().put_all({"a": definition(), "b": definition(), "c": definition()}, 1)
    registry = models.published({"a": 2, "b": 1}, 2).with_trained({"a": trained(2, definition(), "a")})
    assert registry.missing == {"b": 1}
    assert (registry.told_since("a"), registry.told_since("b"), registry.told_since("c")) == (2, None, None)
    newer = registry.published({"a": 3}, 5)
    after = registry.after([model.row for model in newer.models.values()], {})
    assert (after.missing, after.trained) == ({"a": 3, "b": 1}, {})


def test_outputs_are_by_the_definition_that_the_live_snapshot_was_trained_for() -> None:
    registry = (
        Registry().put_all({"m": definition()}, 1).published({"m": 1}, 2).with_trained({"m": trained(1, definition())})
    )
    edited = registry.put_all({"m": definition(features={"other": "count('purchase')"})}, 3)
    profile = add_all(None, [Event(str(number), "u", "page_view", number) for number in range(3)], KEEP_ALL)
    assert profile is not None
    scene = Scene(profile)
    assert edited.outputs(Leaves()).steps(scene, "m") == registry.outputs(Leaves()).steps(scene, "m") != NOTHING
    assert Registry().put_all({"m": definition()}, 1).outputs(Leaves()).steps(scene, "m") == NOTHING


def test_what_was_edited_or_published_last_is_dated_and_all_else_is_not() -> None:
    registry = Registry().put_all({"old": definition(), "new": definition()}, 1).published({"old": 1, "new": 1}, 2)
    registry = registry.put_all({"new": definition(name="other")}, 3).published({"old": 2}, 3).dated(3, 9_000)
    versions = {name: (each.version, each.live and each.live.since) for name, each in registry.models.items()}
    assert versions == {"old": (1, 9_000), "new": (9_000, 2)}


def test_the_segments_that_a_model_learns_of() -> None:
    assert segments_named(definition()) == set()
    assert segments_named(definition("lookalike", seed="buyers", among="humans")) == {"buyers", "humans"}


def test_the_file_takes_no_names_away_that_clusters_were_given_meanwhile() -> None:
    said = definition("cluster", cluster_names={"c1": "One", "c2": "Two"})
    named = Registry().put_file({"m": said}, 1).put_all({"m": definition("cluster", cluster_names={"c3": "Three"})}, 2)
    again = definition("cluster", warm_up=99, cluster_names={"c2": "Second"})
    after = named.put_file({"m": again}, 3)
    assert after.models["m"].definition == definition(
        "cluster", warm_up=99, cluster_names={"c3": "Three", "c2": "Second"}
    )
    assert after.put_file({"m": again}, 4) is after
