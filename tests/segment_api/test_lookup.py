"""What a lookup answers, over what a worker has stored."""

import time
from typing import Any

import httpx
import msgpack
import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership, Span
from services.segmentation.profile import Profile, add
from services.segmentation.rules.parse import parse
from services.segmentation.wire.membership import encode_membership
from tests.oracle.judge import judge
from tests.segment_api.running import client_of, lookup, many, metric, problem, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
HOUR = 3_600_000
CART = "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0"


async def test_a_known_user_gets_the_segments_of_the_moment_sorted_by_id(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    for segment_id, rule in [("zeta", "count('add_to_cart') >= 1"), ("cart", CART), ("none", "count('x') >= 1")]:
        await put(client, segment_id, rule)
    await users.apply([event("add_to_cart", T)])
    assert await lookup(client, "u-42", at=T + 1) == {
        "user_id": "u-42",
        "known": True,
        "at": T + 1,
        "segments": [
            {"id": "cart", "since": T, "until": T + HOUR},
            {"id": "zeta", "since": T, "until": None},
        ],
        "degraded": False,
    }


async def test_membership_ends_and_begins_at_the_millisecond(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    await put(client, "gone", "since('add_to_cart') > '2h'")
    await users.apply([event("add_to_cart", T)])
    found = {at: await lookup(client, "u-42", at=at, fields="ids") for at in (T + HOUR - 1, T + HOUR, T + 3 * HOUR)}
    assert [answer["segments"] for answer in found.values()] == [["cart"], [], ["gone"]]


async def test_nobody_knows_a_user_without_events(client: httpx.AsyncClient) -> None:
    await put(client, "new", "count('x') == 0")
    before_ms = time.time_ns() // 1_000_000
    answer = await lookup(client, "u-42")
    assert before_ms <= answer.pop("at") <= time.time_ns() // 1_000_000
    assert answer == {"user_id": "u-42", "known": False, "segments": [], "degraded": False}


async def test_only_ids_on_demand(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "b", "count('add_to_cart') >= 1")
    await put(client, "a", "count('add_to_cart') >= 1")
    await users.apply([event("add_to_cart", T)])
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["a", "b"]


@pytest.mark.parametrize("moment", ["1732240000001", "2024-11-22T01:46:40.001Z", "2024-11-22T02:46:40.001+01:00"])
async def test_a_moment_is_milliseconds_or_a_date_time(
    client: httpx.AsyncClient, users: StoredUsers, moment: str
) -> None:
    await users.apply([event("visit", T)])
    assert (await lookup(client, "u-42", at=moment))["at"] == T + 1
    in_body: Any = int(moment) if moment.isdecimal() else moment
    assert (await many(client, ["u-42"], at=in_body))[0]["at"] == T + 1


async def test_the_past_is_refused(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    response = await client.get("/v1/users/u-42/segments", params={"at": T - 1})
    assert response.status_code == 400
    assert str(T) in problem(response)["detail"]
    assert "u-42" not in response.text
    assert await metric(client, 'tranche_api_lookups_total{outcome="refused"}') == 1


async def test_the_past_is_refused_to_the_user_it_concerns_alone(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    await users.apply([event("visit", T - 5, user_id="u-43")])
    refused, answered = await many(client, ["u-42", "u-43"], at=T - 1)
    assert (refused["known"], refused["segments"], refused["degraded"]) == (True, [], False)
    assert str(T) in refused["error"]
    assert (answered["at"], "error" in answered) == (T - 1, False)


async def test_without_a_moment_it_is_now(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    before_ms = time.time_ns() // 1_000_000
    assert before_ms <= (await lookup(client, "u-42"))["at"] <= time.time_ns() // 1_000_000


async def test_without_a_moment_it_is_the_latest_event_if_that_is_ahead_of_now(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "visitors", "count('visit', within='1m') >= 1")
    ahead_ms = time.time_ns() // 1_000_000 + HOUR
    await users.apply([event("visit", ahead_ms)])
    answer = await lookup(client, "u-42")
    assert (answer["at"], [each["id"] for each in answer["segments"]]) == (ahead_ms, ["visitors"])


async def test_spaces_keep_users_apart(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T, space="shop")])
    assert [(await lookup(client, "u-42", space=space))["known"] for space in ("shop", "default")] == [True, False]
    assert (await many(client, ["u-42"], space="shop"))[0]["known"] is True


async def test_parameters_that_mean_nothing_yet_are_ignored(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    params: dict[str, Any] = {"request.device.type": "mobile", "x": "1"}
    assert (await lookup(client, "u-42", **params))["known"] is True


@pytest.mark.parametrize(
    ("user_id", "params"),
    [
        ("secret-1@example.com", {}),
        ("secret-1%20", {}),
        ("secret-1%0A", {}),
        ("secret-1%C3%A9", {}),
        ("s" * 129, {}),
        ("u", {"at": "secret-1"}),
        ("u", {"at": ""}),
        ("u", {"at": "-1"}),
        ("u", {"at": "1e3"}),
        ("u", {"at": "9" * 16}),
        ("u", {"at": "9" * 5_000}),
        ("u", {"at": "2024-11-22T01:46:40"}),
        ("u", {"at": "1969-12-31T23:59:59Z"}),
        ("u", {"at": "9999-12-31T23:59:59-23:59"}),
        ("u", {"space": "secret-1 "}),
        ("u", {"space": ""}),
        ("u", {"fields": "secret-1"}),
    ],
)
async def test_what_does_not_fit_is_refused_and_not_repeated(
    client: httpx.AsyncClient, user_id: str, params: dict[str, str]
) -> None:
    response = await client.get(f"/v1/users/{user_id}/segments", params=params)
    assert response.status_code == 422
    assert problem(response)["errors"]
    assert "secret-1" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"user_ids": "u"}',
        b'{"user_ids": [1]}',
        b'{"user_ids": ["secret-1@example.com"]}',
        b'{"user_ids": ["\\ud800"]}',
        b'{"user_ids": ["\xff"]}',
        b'{"user_ids": ["u"], "at": NaN}',
        b'{"user_ids": ["u"], "at": true}',
        b'{"user_ids": ["u"], "at": "1732240000000"}',
        b'{"user_ids": ["u"], "at": 99999999999999999999999}',
        b'{"user_ids": ["u"], "space": ""}',
        b'{"user_ids": ["u"], "fields": "all"}',
        b'{"user_ids": ["u"], "more": 1}',
        b'{"user_ids": ' + b"[" * 5_000,
        orjson.dumps({"user_ids": ["secret-1"] * 1_001}),
    ],
)
async def test_a_batch_that_does_not_fit_is_refused_and_not_repeated(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/lookup", content=body)
    assert response.status_code == 422
    assert problem(response)["errors"]
    assert "secret-1" not in response.text


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/lookup", content=b" " * 1_000_001)
    assert response.status_code == 413
    problem(response)


async def test_a_batch_is_answered_in_its_order_with_repeats(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    for index in range(0, 1_000, 100):
        await users.apply([event("add_to_cart", T, user_id=f"u{index}")])
    asked = [f"u{index}" for index in range(999)] + ["u0"]
    answers = await many(client, asked, at=T, fields="ids")
    assert [answer["user_id"] for answer in answers] == asked
    assert [index for index, answer in enumerate(answers) if answer["known"]] == [*range(0, 1_000, 100), 999]
    assert {tuple(answer["segments"]) for answer in answers if answer["known"]} == {("cart",)}


async def test_a_batch_of_nobody_is_an_empty_answer(client: httpx.AsyncClient) -> None:
    assert await many(client, []) == []


async def test_lookups_are_counted_by_outcome_and_name_nobody(
    client: httpx.AsyncClient, users: StoredUsers, caplog: pytest.LogCaptureFixture
) -> None:
    await users.apply([event("visit", T)])
    await lookup(client, "u-42")
    await many(client, ["u-42", "u-43"])
    assert await metric(client, 'tranche_api_lookups_total{outcome="known"}') == 2
    assert await metric(client, 'tranche_api_lookups_total{outcome="unknown"}') == 1
    assert "u-4" not in (await client.get("/metrics")).text
    assert "u-4" not in caplog.text


async def test_the_server_tells_its_own_time(client: httpx.AsyncClient) -> None:
    one, batch = await client.get("/v1/users/u/segments"), await client.post("/v1/lookup", content=b'{"user_ids": []}')
    for response in (one, batch):
        name, _, duration = response.headers["server-timing"].partition(";dur=")
        assert name == "total"
        assert 0 <= float(duration) < 5_000


class TestConsent:
    @pytest.fixture
    async def asked(self, client: httpx.AsyncClient, users: StoredUsers) -> None:
        await put(client, "ads", "count('visit') >= 1", purposes=[1, 4])
        await put(client, "site", "count('visit') >= 1", purposes=[])
        await users.apply([event("visit", T, user_id="silent")])
        await users.apply([event("visit", T, user_id="none", purposes=frozenset())])
        await users.apply([event("visit", T, user_id="some", purposes=frozenset({1, 3}))])
        await users.apply([event("visit", T, user_id="all", purposes=frozenset({1, 3, 4}))])

    @pytest.mark.usefixtures("asked")
    async def test_a_segment_is_shown_when_all_its_purposes_are_granted(self, client: httpx.AsyncClient) -> None:
        found = await many(client, ["silent", "none", "some", "all"], fields="ids")
        assert [each["segments"] for each in found] == [["ads", "site"], ["site"], ["site"], ["ads", "site"]]

    @pytest.mark.usefixtures("asked")
    async def test_silence_is_no_consent_where_consent_is_required(self, settings: ApiSettings) -> None:
        async with client_of(settings.model_copy(update={"consent_required": True})) as strict:
            found = await many(strict, ["silent", "none", "some", "all"], fields="ids")
        assert [each["segments"] for each in found] == [[], ["site"], ["site"], ["ads", "site"]]
        assert {each["known"] for each in found} == {True}


class TestBeyondTheStoredMembership:
    """A rule that comes and goes more often than is stored: beyond that, the profile answers."""

    RULE = "count('visit', within='1d') in [1, 3, 5, 7, 9, 11]"
    VISITS = tuple(event("visit", T + minute * 600_000) for minute in range(12))

    @staticmethod
    def toggles() -> list[int]:
        """The moments at which a visit falls out of the day."""
        return [each.ts_ms + 24 * HOUR for each in TestBeyondTheStoredMembership.VISITS]

    async def test_every_moment_ahead_is_answered_as_by_brute_force(
        self, client: httpx.AsyncClient, users: StoredUsers
    ) -> None:
        await put(client, "odd", self.RULE)
        await put(client, "always", "count('visit') >= 1")
        await users.apply(self.VISITS)
        rule, wrong = parse(self.RULE), []
        for at in sorted({at + shift for at in self.toggles() for shift in (-1, 0, 1)}):
            found = await lookup(client, "u-42", at=at, fields="ids")
            expected = ["always", "odd"] if judge(rule, self.VISITS, at) else ["always"]
            wrong += [at] if found["segments"] != expected or found["degraded"] else []
        assert wrong == []

    async def test_the_beginning_that_is_known_stays_known(self, client: httpx.AsyncClient, users: StoredUsers) -> None:
        await put(client, "odd", self.RULE)
        await put(client, "always", "count('visit') >= 1")
        for visit in self.VISITS:
            await users.apply([visit])
        found = [await lookup(client, "u-42", at=at) for at in (self.VISITS[-1].ts_ms, self.toggles()[-1])]
        assert [answer["segments"][0] for answer in found] == [{"id": "always", "since": T, "until": None}] * 2

    async def test_in_a_batch_only_those_are_evaluated_whose_membership_ends(
        self, client: httpx.AsyncClient, users: StoredUsers
    ) -> None:
        await put(client, "odd", self.RULE)
        asked = [f"u{index}" for index in range(20)]
        for index, user_id in enumerate(asked):
            await users.apply([event("visit", each.ts_ms, user_id) for each in self.VISITS[: 12 if index % 2 else 1]])
        at = self.toggles()[-1] - 1
        found = await many(client, asked, at=at, fields="ids")
        assert [answer["user_id"] for answer in found] == asked
        assert [answer["segments"] for answer in found] == [[], ["odd"]] * 10
        assert not any(answer["degraded"] for answer in found)

    async def test_a_profile_that_is_gone_or_damaged_degrades_the_answer(
        self, client: httpx.AsyncClient, users: StoredUsers
    ) -> None:
        await put(client, "odd", self.RULE)
        await users.apply(self.VISITS)
        await users.damage("u-42", profile=b"\xc1")
        answer = await lookup(client, "u-42", at=self.toggles()[-1])
        assert (answer["segments"], answer["degraded"]) == ([], True)

    async def test_a_profile_newer_than_the_membership_refuses_what_is_now_the_past(
        self, client: httpx.AsyncClient, users: StoredUsers
    ) -> None:
        """The worker may write between the two reads."""
        catalog = Catalog().put("odd", SegmentDefinition(name="A", rule=self.RULE), KEEP_ALL)
        profile = profile_of([*self.VISITS, event("visit", self.toggles()[-1] + 5)])
        early = Membership(catalog.version, T, (), T + 1)
        await users.put("u-42", UserState(profile, early))
        response = await client.get("/v1/users/u-42/segments", params={"at": self.toggles()[-1]})
        assert response.status_code == 400


async def test_a_deleted_segment_is_not_shown(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "kept", "count('visit') >= 1")
    await put(client, "deleted", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    await client.delete("/v1/segments/deleted")
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["kept"]


async def test_a_segment_made_anew_under_a_deleted_ones_name_inherits_nobody(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "name", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    await client.delete("/v1/segments/name")
    await put(client, "name", "count('visit') >= 100")
    assert (await lookup(client, "u-42"))["segments"] == []


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


def profile_of(events: list[Event]) -> Profile:
    profile: Profile | None = None
    for each in events:
        profile = add(profile, each, KEEP_ALL)
    assert profile is not None
    return profile
