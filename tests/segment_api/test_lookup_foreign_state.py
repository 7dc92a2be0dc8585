"""State that this process did not expect: of a newer catalog, of another codec, or damaged."""

import httpx
import msgpack
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.segmentation.engine import UserState
from services.segmentation.membership import Membership, Span
from services.segmentation.wire.membership import encode_membership
from tests.segment_api.running import lookup, many, metric, put
from tests.segment_api.stored import StoredUsers, event, profile_of

T = 1_732_240_000_000


async def test_a_membership_of_a_newer_catalog_shows_what_is_known_here(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "known", "count('visit') >= 1")
    newer = Membership(99, T, (Span(0, T, None), Span(1_000_000, T, None)))
    await users.put("u-42", UserState(profile_of([event("visit", T)]), newer))
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["known"]


class TestUnreadableState:
    GOOD = encode_membership(Membership(1, T, (Span(0, T, None),)))

    @pytest.mark.parametrize(
        "data", [b"", b"\xc1", b"\x05", b"\x90", b"\x96\x63" + GOOD[2:], GOOD[:-1], GOOD + b"\x00"]
    )
    async def test_it_degrades_one_users_answer_and_is_logged_without_their_name(
        self, client: httpx.AsyncClient, users: StoredUsers, data: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await users.apply([event("visit", T, "good")])
        await users.damage("u-42", membership=data)
        damaged, good = await many(client, ["u-42", "good"], fields="ids")
        assert (damaged["segments"], damaged["degraded"]) == ([], True)
        assert (good["segments"], good["degraded"]) == (["visitors"], False)
        assert await metric(client, 'tranche_api_lookups_total{outcome="degraded"}') == 1
        assert ["cannot be read" in record.getMessage() for record in caplog.records] == [True]
        assert "u-42" not in caplog.text

    async def test_it_is_logged_seldom(
        self, client: httpx.AsyncClient, users: StoredUsers, caplog: pytest.LogCaptureFixture
    ) -> None:
        await users.damage("u-42", membership=b"\xc1")
        for _ in range(20):
            assert (await lookup(client, "u-42"))["degraded"] is True
        assert len(caplog.records) == 1

    @hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    async def test_whatever_is_stored_the_lookup_answers(
        self, client: httpx.AsyncClient, users: StoredUsers, data: st.DataObject
    ) -> None:
        await users.damage("u-42", membership=data.draw(packed()))
        response = await client.get("/v1/users/u-42/segments")
        assert response.status_code == 200


def packed() -> st.SearchStrategy[bytes]:
    """Bytes, MessagePack, and MessagePack in the shape of a membership."""
    scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
    values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
    shaped = st.tuples(st.just(1), *[values] * 5)
    return st.binary() | (values | shaped).map(msgpack.packb)
