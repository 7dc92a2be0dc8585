"""Models in the catalog: what an edit and a newer snapshot of one mean for versions, lookups and stored memberships."""

from datetime import UTC
from typing import Any

import orjson
import pytest

from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition, SegmentInUse
from services.segmentation.engine import UserState, refresh, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.membership import judge
from services.segmentation.model_edits import (
    ModelInUse,
    delete_model,
    pin,
    publish,
    put_models,
    put_models_file,
    refuse_strangers,
    release,
)
from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.registry import BadModel, Live
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Linear, Snapshot, Trained
from services.segmentation.models.wire import BadSnapshot, decode_trained, encode_trained
from services.segmentation.wire import keys
from services.segmentation.wire.catalog import CatalogReader

NOON_MS = 1_795_003_200_000
FANS = SegmentDefinition(name="Fans", rule='score("m") > 0.5')
AMONG_FANS = SegmentDefinition(name="Buying fans", rule='segment("fans") and count("buy") > 0')
OTHERS = SegmentDefinition(name="Others", rule='count("view") > 0')


def model(kind: str = "propensity", **content: Any) -> ModelDefinition:
    return MODEL.validate_python({"name": "m", "kind": kind, "features": {"views": "count('view')"}, **content})


def trained(number: int, score: float, definition: ModelDefinition | None = None) -> Trained:
    """It says the same score of everybody."""
    of = definition or model()
    body = Linear((0.0,), 0.0, ((0.0, score),))
    return Trained(of, Snapshot("m", number, of.digest, ("views",), Scale((0.0,), (1.0,)), body, 10, 0))


def catalog_with(score: float, number: int = 1) -> Catalog:
    catalog = put_models(Catalog(), {"m": model()}, KEEP_ALL).dated(1_000)
    catalog = catalog.put_all({"fans": FANS, "buying": AMONG_FANS, "others": OTHERS}, KEEP_ALL).dated(2_000)
    return newly(catalog, score, number, 3_000)


def newly(catalog: Catalog, score: float, number: int, now_ms: int) -> Catalog:
    after = publish(catalog, {"m": number}).dated(now_ms)
    return after.with_registry(after.registry.with_trained({"m": trained(number, score)}))


def seen(catalog: Catalog) -> UserState:
    return step(UserState(), [Event("e1", "u", "view", NOON_MS)], catalog, KEEP_ALL, UTC)


def names(state: UserState, catalog: Catalog) -> set[str]:
    assert state.membership is not None
    return {catalog.by_ordinal[span.ordinal].id for span in state.membership.spans}


def test_a_rule_may_name_the_models_that_there_are_by_the_term_of_their_kind() -> None:
    catalog = put_models(Catalog(), {"m": model()}, KEEP_ALL)
    assert catalog.put("fans", FANS, KEEP_ALL).segments["fans"].models == ("m",)
    for rule in ('score("n") > 0.5', 'cluster("m") == "c1"'):
        with pytest.raises(BadRule):
            catalog.put_all({"s": SegmentDefinition(name="s", rule=rule)}, KEEP_ALL)
    with pytest.raises(BadRule, match="m, which there is not"):
        Catalog().put_all({"fans": FANS}, KEEP_ALL)


def test_a_newer_snapshot_outdates_what_depends_on_it_and_edits_nothing() -> None:
    before = catalog_with(0.9)
    after = newly(before, 0.1, 2, 4_000)
    assert after.version == 4_000
    assert set(after.edited_since(before.version)) == set()
    assert set(after.outdated_since(before.version)) == {"fans", "buying"}
    assert set(after.outdated_since(after.version)) == set()
    assert {name for name, each in after.ready.items() if each is before.ready[name]} == {"others"}


def test_a_user_hears_of_a_newer_snapshot_at_the_next_event_and_in_the_background_pass() -> None:
    first = catalog_with(0.9)
    state = seen(first)
    assert names(state, first) == {"fans", "others"}
    second = newly(first, 0.1, 2, 4_000)
    again = Event("e2", "u", "other", NOON_MS + 1)
    assert names(step(state, [again], second, KEEP_ALL, UTC), second) == {"others"}
    assert names(step(UserState(state.profile, state.membership), [again], second, KEEP_ALL, UTC), second) == {"others"}
    refreshed = refresh(state, second, UTC)
    assert state.profile is not None
    assert refreshed.membership == judge(state.profile, second, UTC)
    assert names(refreshed, second) == {"others"}


def test_an_edited_definition_says_nothing_new_until_something_was_learned_by_it() -> None:
    first = catalog_with(0.9)
    edited = put_models(first, {"m": model(features={"buys": "count('buy')"})}, KEEP_ALL).dated(4_000)
    assert set(edited.outdated_since(first.version)) == set()
    assert names(seen(edited), edited) == {"fans", "others"}


def test_who_follows_the_catalog_has_what_it_refers_to_before_it_counts() -> None:
    catalog, reader = catalog_with(0.9), CatalogReader()
    found = reader.decode(catalog.encode())
    assert reader.missing(found) == [(keys.snapshots("m"), "1")]
    whole = reader.complete(found, [encode_trained(trained(1, 0.9))])
    assert (whole, names(seen(whole), whole)) == (catalog, {"fans", "others"})
    newer = reader.decode(newly(catalog, 0.1, 2, 4_000).encode())
    assert reader.missing(newer) == [(keys.snapshots("m"), "2")]
    second = reader.complete(newer, [encode_trained(trained(2, 0.1))])
    assert names(seen(second), second) == {"others"}
    third = reader.decode(second.delete("buying").encode())
    assert reader.missing(third) == []
    assert reader.complete(third, []).ready["fans"] is second.ready["fans"]


@pytest.mark.parametrize(
    "stored", [None, b"", b"{}", b'{"definition": {}, "snapshot": {}}', encode_trained(trained(1, 0.9))[:-9]]
)
def test_a_model_whose_snapshot_is_gone_or_damaged_says_nothing_and_the_rest_goes_on(stored: bytes | None) -> None:
    reader = CatalogReader()
    found = reader.complete(reader.decode(catalog_with(0.9).encode()), [stored])
    assert names(seen(found), found) == {"others"}
    assert found.registry.missing == {"m": 1}


def test_a_snapshot_that_was_trained_for_another_definition_is_no_trained_one() -> None:
    plain = orjson.loads(encode_trained(trained(1, 0.9)))
    plain["definition"]["features"] = {"views": "count('buy')"}
    with pytest.raises(BadSnapshot):
        decode_trained(orjson.dumps(plain))
    plain["definition"]["features"] = {"views": "no rule ("}
    with pytest.raises(BadSnapshot, match="no definition"):
        decode_trained(orjson.dumps(plain))
    assert decode_trained(encode_trained(trained(1, 0.9))) == trained(1, 0.9)


def test_a_bad_feature_is_refused_with_its_place() -> None:
    with pytest.raises(BadModel, match=r"model m: feature views: .*count") as raised:
        put_models(Catalog(), {"m": model(features={"views": "cuont('view')"})}, KEEP_ALL)
    assert raised.value.__cause__ is not None
    with pytest.raises(BadModel, match="colour"):
        put_models(Catalog(), {"m": model(features={"v": "count('view', colour='red')"})}, KeepList.parse("category"))


def test_a_model_that_rules_name_is_not_deleted_nor_a_segment_that_models_name() -> None:
    catalog = catalog_with(0.9)
    with pytest.raises(ModelInUse, match="fans"):
        delete_model(catalog, "m")
    catalog = put_models(catalog, {"like": model("lookalike", seed="others")}, KEEP_ALL)
    with pytest.raises(SegmentInUse, match="the models like"):
        catalog.delete("others")
    with pytest.raises(SegmentInUse, match="the rules of buying"):
        catalog.delete("fans")
    gone = delete_model(catalog, "like")
    assert (set(gone.registry.models), delete_model(gone, "like")) == ({"m"}, gone)
    assert set(gone.delete("others").segments) == {"fans", "buying"}


def test_segments_that_models_learn_of_have_to_be_there_in_the_end() -> None:
    catalog = put_models_file(Catalog(), {"like": model("lookalike", seed="others")}, KEEP_ALL)
    with pytest.raises(BadModel, match="model like: there is no segment others"):
        refuse_strangers(catalog)
    with pytest.raises(BadModel, match=r"; did you mean other\?"):
        refuse_strangers(catalog.put("other", OTHERS, KEEP_ALL))
    refuse_strangers(catalog.put("others", OTHERS, KEEP_ALL))
    assert put_models_file(catalog, {"like": model("lookalike", seed="others")}, KEEP_ALL) is catalog


def test_a_pinned_model_is_an_edit_and_so_is_its_release() -> None:
    catalog = catalog_with(0.9, number=5)
    pinned = pin(catalog, "m", 4).dated(5_000)
    assert pinned.registry.models["m"].live == Live(4, 5_000)
    assert publish(pinned, {"m": 6}) is pin(pinned, "m", 4) is pinned
    released = release(pinned, "m").dated(6_000)
    assert (released.version, publish(released, {"m": 6}).registry.models["m"].live) == (6_000, Live(6, 6_001))


def test_models_are_in_the_document_and_one_without_any_is_read() -> None:
    catalog = catalog_with(0.9)
    assert Catalog.decode(catalog.encode()).registry == catalog.registry
    document = orjson.loads(Catalog().put("others", OTHERS, KEEP_ALL).encode())
    del document["models"], document["models_from_file"]
    assert Catalog.decode(orjson.dumps(document)).registry.models == {}
