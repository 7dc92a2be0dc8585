"""Moments that the stored membership does not reach: the profile answers."""

import httpx

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership
from services.segmentation.rules.parse import parse
from tests.oracle.judge import judge
from tests.segment_api.running import lookup, many, put
from tests.segment_api.stored import StoredUsers, event, profile_of

T = 1_732_240_000_000
HOUR = 3_600_000


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
