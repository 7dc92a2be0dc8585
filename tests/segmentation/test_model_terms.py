"""Rules about what models say, against the brute-force judge: as evaluated anew, as followed, and as explained.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation import profile as profiles
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.coverage import covered_since
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event, Fact
from services.segmentation.explanation.explain import explain
from services.segmentation.explanation.tree import Composed, Group, Leaf, Node
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import judge
from services.segmentation.models.definition import MODEL
from services.segmentation.models.live import LiveModels
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Linear, Snapshot
from services.segmentation.profile import add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.outputs import Output, Steps
from services.segmentation.rules.parse import parse
from services.segmentation.rules.request import Facts, clocks_for
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.worlds import verdict
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from tests.oracle.model_strategies import rolled
from tests.oracle.pools import NOON_MS
from tests.oracle.registered import newly_published, registry_of
from tests.oracle.worlds import World, worlds

MANY = settings(max_examples=20_000 if os.environ.get("TRANCHE_TEST_LONG") else 70, deadline=None)
SOME = settings(max_examples=5_000 if os.environ.get("TRANCHE_TEST_LONG") else 50, deadline=None)
MOMENTS = 20
ASKED: list[nodes.ModelTerm] = [
    nodes.Cluster("groups"),
    nodes.Score("likely"),
    nodes.Score("odd"),
    nodes.Rfm("spent", "m"),
]


@MANY
@given(world=worlds(with_models=True))
def test_a_rule_holds_where_the_judge_says_so_and_is_explained_as_such(world: World) -> None:
    catalog = catalog_of(world)
    profile = add_all(None, world.facts, KEEP_ALL)
    if profile is None:
        return
    clock = clocks_for(world.request, profile.own_zone, world.zone)
    for segment_id in world.segments:
        for at_ms in telling(world, segment_id):
            note(f"{segment_id} at {at_ms}: { ({name: str(rule) for name, rule in world.segments.items()}) }")
            facts = Facts(at_ms, clock, world.request)
            told = explain(profile, catalog, segment_id, world.zone, facts)
            assert told.in_segment == world.is_in(segment_id, at_ms)
            for leaf in leaves(told.tree):
                assert leaf.reading.fact


@MANY
@given(
    world=worlds(with_models=True),
    between=st.lists(st.sampled_from(["nothing", "nothing", "restart", "snapshot"]), min_size=14, max_size=14),
    sizes=st.lists(st.integers(1, 3), min_size=14, max_size=14),
    in_order=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_happens_a_membership_is_as_if_everything_had_been_evaluated(
    world: World, between: list[str], sizes: list[int], in_order: bool, seed: int
) -> None:
    facts = sorted(world.facts, key=lambda fact: fact.ts_ms) if in_order else world.facts
    catalog, state, random = catalog_of(world), UserState(), Random(seed)
    for chunk, happening in zip(chunks(facts, sizes), between, strict=False):
        after = step(state, chunk, catalog, KEEP_ALL, world.zone)
        assert after.profile is not None
        if after is not state:
            assert after.membership == judge(after.profile, catalog, world.zone, state.membership)
        state = stored(after) if happening == "restart" else after
        if happening == "snapshot":
            some = [item for item in world.models.items() if random.random() < 0.7]
            catalog = newly_published(catalog, (rolled(model, each.definition, random) for model, each in some))


@MANY
@given(world=worlds(with_models=True))
def test_what_models_look_at_is_all_held_where_that_is_said(world: World) -> None:
    outputs = catalog_of(world).outputs
    whole = add_all(None, world.facts, KEEP_ALL)
    with patch.object(profiles, "RETAINED", 2):
        short = add_all(None, world.facts, KEEP_ALL)
    if whole is None or short is None:
        return
    for term in ASKED:
        rule = nodes.Member(term, ())
        note(f"{world.models[term.model].definition}")
        if covered_since(rule, short, world.zone, outputs) is None:
            steps = [Scene(profile, world.zone, outputs=outputs).said(term.model) for profile in (short, whole)]
            assert effective(steps[0], whole.latest_ms) == effective(steps[1], whole.latest_ms)
        assert covered_since(rule, whole, world.zone, outputs) is None


def test_what_a_model_saw_when_it_was_asked_counts_however_short_the_window() -> None:
    features = {"views": "count('view', within='1h', category='a')"}
    definition = MODEL.validate_python({"name": "m", "kind": "propensity", "features": features})
    live = LiveModels.of({"m": definition}, [], KEEP_ALL)
    told = ((0, "a"), (7_200_000, "b"), (7_200_001, "b"))
    views = [Event(f"e{at}", "u", "view", NOON_MS + at, properties={"category": each}) for at, each in told]
    with patch.object(profiles, "RETAINED", 2):
        profile = add_all(None, views, KEEP_ALL)
    assert profile is not None
    assert covered_since(parse("count('view', within='1h', category='a') > 0"), profile) is None
    assert covered_since(parse("score('m') > 0.5", models=None), profile, UTC, live) == NOON_MS + 1


def effective(steps: Steps, latest_ms: int) -> list[tuple[int, Output]]:
    """What is said from the latest event on, and when that changes."""
    now = [(max(at_ms, latest_ms), output) for at_ms, output in steps]
    last = dict(now)  # of several at once the last
    return [*last.items()]


@SOME
@given(world=worlds(with_models=True))
def test_what_is_decided_beforehand_is_so_for_every_user(world: World) -> None:
    if not world.facts:
        return
    for name, rule in world.segments.items():
        for part in nodes.leaves(rule):
            decided = verdict(part)
            if decided is not None and isinstance(nodes.term_of(part), nodes.ModelTerm):
                alone = replace(world, segments={name: part})
                assert {alone.is_in(name, at_ms) for at_ms in telling(alone, name)} == {decided}


@SOME
@given(world=worlds(with_models=True))
def test_the_text_of_a_rule_about_models_reads_back_as_the_same_rule(world: World) -> None:
    for rule in world.segments.values():
        assert repr(parse(str(rule), models=None)) == repr(rule)


@pytest.mark.parametrize(
    ("feature", "more"),
    [("trait('vip')", {"traits": {"vip": True}}), ("last('device.type')", {"context": {"device": {"type": "tv"}}})],
)
def test_a_value_that_is_told_again_is_followed(feature: str, more: dict[str, Any]) -> None:
    """The model is asked again when it is told, be it the same."""
    features = {"value": feature, "views": "decayed('view', halflife='1h')"}
    definition = MODEL.validate_python({"name": "m", "kind": "propensity", "features": features})
    body = Linear((0.0, 1.0), 0.0, ((0.0, 0.0), (1.0, 1.0)))
    snapshot = Snapshot("m", 1, definition.digest, tuple(features), Scale((0.0,) * 2, (1.0,) * 2), body, 1, 0)
    fans = SegmentDefinition(name="fans", rule='score("m") > 0.5')
    catalog = Catalog(registry=registry_of({"m": definition}, [snapshot])).put("fans", fans, KEEP_ALL)
    told = [Event("a", "u", "view", NOON_MS, **more), Event("b", "u", "buy", NOON_MS + 7_200_000, **more)]
    found, state = [], UserState()
    for each in told:
        state = step(state, [each], catalog, KEEP_ALL, UTC)
        assert state.membership is not None
        found.append(len(state.membership.spans))
    assert found == [1, 0]


def catalog_of(world: World) -> Catalog:
    definitions = {model: each.definition for model, each in world.models.items()}
    snapshots = [each.snapshot for each in world.models.values() if each.snapshot]
    rules = {name: SegmentDefinition(name=name, rule=str(rule)) for name, rule in world.segments.items()}
    return Catalog(registry=registry_of(definitions, snapshots)).put_all(rules, KEEP_ALL)


def telling(world: World, segment_id: str) -> list[int]:
    """An even choice of the moments at which something may change."""
    candidates = world.moments(segment_id)
    return candidates[:: len(candidates) // MOMENTS + 1]


def leaves(node: Node) -> Iterator[Leaf]:
    match node:
        case Leaf():
            yield node
        case Group():
            for child in node.children:
                yield from leaves(child)
        case Composed() if node.tree is not None:
            yield from leaves(node.tree)


def chunks(facts: list[Fact], sizes: Iterable[int]) -> Iterator[list[Fact]]:
    at = 0
    for size in sizes:
        if at < len(facts):
            yield facts[at : at + size]
        at += size


def stored(state: UserState) -> UserState:
    """The state as it is after a restart of the worker: read back from its bytes."""
    assert state.profile is not None
    assert state.membership is not None
    profile, membership = encode_profile(state.profile), encode_membership(state.membership)
    return UserState(decode_profile(profile), decode_membership(membership))
