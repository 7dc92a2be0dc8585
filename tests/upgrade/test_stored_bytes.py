"""What earlier releases stored is read, and folding on from there ends where a fresh start would."""

import base64
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import msgpack
import orjson
import pytest

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Fact, decode_fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire import membership as membership_codec
from services.segmentation.wire import profile as profile_codec
from services.segmentation.wire import profile_3
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from services.segmentation.wire.profile_3 import encode_profile_3
from tests.upgrade.record import ARRIVED_MS
from tests.upgrade.stories import RULES, stories

WRITTEN = Path(__file__).parent.glob("written_by_codec_*.json")
RELEASES = {int(path.stem.rpartition("_")[2]): json.loads(path.read_text()) for path in WRITTEN}
LATER = {"event_id": "later", "type": "view", "ts": 1_732_400_000_000, "properties": {"category": "new"}}


def test_every_codec_that_is_read_has_its_recording() -> None:
    assert sorted(RELEASES) == [profile_3.VERSION, profile_codec.VERSION]
    assert membership_codec.VERSION == 2, "the recording of a profile codec holds memberships of the codec at that time"


@pytest.mark.parametrize("codec", sorted(RELEASES))
@pytest.mark.parametrize("user", stories())
def test_it_is_read_as_what_it_was_made_of(codec: int, user: str) -> None:
    stored = RELEASES[codec][user]
    profile, membership = base64.b64decode(stored["profile"]), base64.b64decode(stored["membership"])
    assert (msgpack.unpackb(profile, strict_map_key=False)[0], msgpack.unpackb(membership)[0]) == (codec, 2)
    fresh = fold(UserState(), stories()[user])
    assert decode_profile(profile) == fresh.profile
    assert fresh.membership is not None
    assert decode_membership(membership).spans == fresh.membership.spans


@pytest.mark.parametrize("user", stories())
def test_what_is_written_for_the_release_before_is_what_it_wrote_itself(user: str) -> None:
    profile = fold(UserState(), stories()[user]).profile
    assert profile is not None
    assert base64.b64encode(encode_profile_3(profile)).decode() == RELEASES[3][user]["profile"]


@pytest.mark.parametrize("codec", sorted(RELEASES))
@pytest.mark.parametrize("user", stories())
def test_what_comes_next_makes_of_it_what_it_makes_of_a_fresh_start(codec: int, user: str) -> None:
    stored = RELEASES[codec][user]
    state = UserState(
        decode_profile(base64.b64decode(stored["profile"])), decode_membership(base64.b64decode(stored["membership"]))
    )
    later = {"user_id": user, "space": "default", **LATER}
    after, fresh = fold(state, [later]), fold(fold(UserState(), stories()[user]), [later])
    assert after.profile is not None
    assert fresh.profile is not None
    assert after.membership is not None
    assert fresh.membership is not None
    assert encode_profile(after.profile) == encode_profile(fresh.profile)
    assert encode_membership(after.membership) == encode_membership(fresh.membership)


def fold(state: UserState, told: list[dict[str, Any]]) -> UserState:
    catalog = Catalog()
    for segment_id, rule in RULES.items():
        catalog = catalog.put(segment_id, SegmentDefinition(name=segment_id, rule=rule), KEEP_ALL)
    facts: list[Fact] = [decode_fact(orjson.dumps(each), ARRIVED_MS) for each in told]
    return step(state, facts, catalog, KEEP_ALL, UTC)
