"""What lookups answer against the brute-force judge: whole catalogs, lists, ad requests, time zones and edits.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segment_api.lookups.answer import Answering, Question
from services.segment_api.lookups.strangers import Strangers
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership
from services.segmentation.rules.nodes import Rule
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from tests.oracle.pools import USER
from tests.oracle.rule_strategies import catalogs
from tests.oracle.worlds import World, worlds

MOMENTS = 25
SOME = settings(max_examples=5_000 if os.environ.get("TRANCHE_TEST_LONG") else 200, deadline=None)


@SOME
@given(world=worlds(), cut=st.integers(0, 12))
def test_lookups_answer_as_the_judge_does_at_every_boundary(world: World, cut: int) -> None:
    catalog = catalog_of(Catalog(), world.segments)
    state = step(UserState(), world.facts[:cut], catalog, KEEP_ALL, world.zone)
    state = step(stored(state), world.facts[cut:], catalog, KEEP_ALL, world.zone)
    compare(world, catalog, state)


@SOME
@given(world=worlds(), edited=catalogs())
def test_they_do_so_at_once_after_an_edit(world: World, edited: Mapping[str, Rule]) -> None:
    before = catalog_of(Catalog(), world.segments)
    state = step(UserState(), world.facts, before, KEEP_ALL, world.zone)
    changed = replace(world, segments={**world.segments, **edited})
    compare(changed, catalog_of(before, edited), state)


def compare(world: World, catalog: Catalog, state: UserState) -> None:
    candidates = sorted({at for segment_id in world.segments for at in world.moments(segment_id)})
    for at_ms in telling(state.membership, candidates):
        note(f"at {at_ms}: { ({name: str(rule) for name, rule in world.segments.items()}) }")
        expected = [name for name in sorted(world.segments) if world.is_in(name, at_ms)]
        assert looked_up(world, catalog, state, at_ms) == expected


def looked_up(world: World, catalog: Catalog, state: UserState, at_ms: int) -> list[str]:
    """The segments of the answer to a lookup, from what is stored alone."""
    question = Question(at_ms=at_ms, ids_only=True, request=world.request)
    stranger = Strangers().of(catalog, world.zone)
    answering = Answering(question, catalog, stranger, world.zone, now_ms=at_ms, consent_required=False)
    if state.profile is None or state.membership is None:
        answer = answering.from_membership(USER, None)
    else:
        membership, profile = encode_membership(state.membership), encode_profile(state.profile)
        answer = answering.from_membership(USER, membership) or answering.from_profile(USER, membership, profile)
    assert answer is not None
    found: list[str] = answer["segments"]
    return found


def telling(membership: Membership | None, candidates: list[int]) -> list[int]:
    """Where the membership itself changes, with both neighbours, and an even choice of the other candidates."""
    spread = candidates[:: len(candidates) // MOMENTS + 1]
    if membership is None:
        return spread
    own = {at for span in membership.spans for at in (span.since_ms, span.until_ms) if at is not None}
    around = {at + nudge for at in {*own, membership.exact_until_ms or 0} for nudge in (-1, 0, 1)}
    return [at for at in sorted({*around, *spread}) if at >= membership.latest_ms]


def catalog_of(before: Catalog, rules: Mapping[str, Rule]) -> Catalog:
    definitions = {name: SegmentDefinition(name=name, rule=str(rule)) for name, rule in rules.items()}
    return before.put_all(definitions, KEEP_ALL)


def stored(state: UserState) -> UserState:
    """The state as it is after a restart of the worker: read back from its bytes."""
    if state.profile is None or state.membership is None:
        return state
    return UserState(
        decode_profile(encode_profile(state.profile)), decode_membership(encode_membership(state.membership))
    )
