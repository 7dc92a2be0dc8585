"""What a cluster is called, and who goes from which class to which."""

from collections import Counter
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.segment_api.models.moves import DAY_MS, Period, Transitions
from services.segment_api.settings import ApiSettings
from services.segmentation.models.snapshots import Move
from services.segmentation.wire import keys
from tests.segment_api.models.test_models import details, put_model
from tests.segment_api.models.trainer import CLASSES, CLUSTERS, CURVE, DAY, LIKELY, PEOPLE, SPENT, SWAPPED, Trainer
from tests.segment_api.running import client_of, problem

MIDNIGHT = DAY * DAY_MS


@pytest.fixture
async def trained(client: httpx.AsyncClient, trainer: Trainer) -> Trainer:
    for model_id, definition, body in (
        ("people", PEOPLE, CLUSTERS),
        ("spent", SPENT, CLASSES),
        ("likely", LIKELY, CURVE),
    ):
        await put_model(client, model_id, definition)
        await trainer.learn(model_id, definition, 1, body)
    return trainer


async def call(client: httpx.AsyncClient, cluster: str, name: object, **headers: str) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return await client.put(f"/v1/models/people/clusters/{cluster}", json={"name": name}, headers=named)


async def moves(client: httpx.AsyncClient, model_id: str = "people", **params: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/models/{model_id}/moves", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


class TestNames:
    async def test_a_cluster_is_called_as_it_is_named_whatever_is_learned(
        self, client: httpx.AsyncClient, trained: Trainer
    ) -> None:
        before = await details(client, "people")
        answer = await call(client, "c3", "Fans")
        assert (answer.status_code, answer.json()) == (200, {"id": "c3", "name": "Fans"})
        await trained.learn("people", PEOPLE, 2, SWAPPED)
        told = await details(client, "people")
        assert [(each["id"], each["name"]) for each in told["clusters"]] == [("c1", "few views"), ("c3", "Fans")]
        assert (told["clusters"][1]["generated_name"], told["state"]) == ("many views", "live")
        assert told["definition"] == before["definition"] | {"cluster_names": {"c3": "Fans"}}
        assert answer.headers["ETag"] == f'"{told["version"]}"'
        assert told["version"] > before["version"]

    @pytest.mark.usefixtures("trained")
    async def test_a_name_can_be_taken_away(self, client: httpx.AsyncClient) -> None:
        await call(client, "c3", "Fans")
        assert (await call(client, "c3", None)).json() == {"id": "c3", "name": "many views"}
        assert (await details(client, "people"))["definition"]["cluster_names"] == {}

    @pytest.mark.usefixtures("trained")
    async def test_one_that_went_can_be_named_and_one_that_never_was_cannot(self, client: httpx.AsyncClient) -> None:
        assert (await call(client, "c2", "Gone")).json() == {"id": "c2", "name": "Gone"}
        assert (await call(client, "c2", None)).json() == {"id": "c2", "name": None}
        assert problem(await call(client, "c4", "Nobody"))["status"] == 404

    @pytest.mark.usefixtures("trained")
    async def test_there_are_no_clusters_of_other_models(self, client: httpx.AsyncClient) -> None:
        for model_id in ("nobody", "spent", "likely"):
            response = await client.put(f"/v1/models/{model_id}/clusters/c1", json={"name": "A"})
            assert problem(response)["status"] == 404, model_id

    async def test_there_are_none_before_something_was_learned(self, client: httpx.AsyncClient) -> None:
        await put_model(client, "people", PEOPLE)
        assert problem(await call(client, "c1", "A"))["status"] == 404

    @pytest.mark.usefixtures("trained")
    async def test_what_is_no_name_of_a_cluster_is_refused(self, client: httpx.AsyncClient) -> None:
        for cluster, name in (("c0", "A"), ("C1", "A"), ("c1", ""), ("c1", 1), ("c1", "x" * 201)):
            assert problem(await call(client, cluster, name))["status"] == 422, (cluster, name)

    @pytest.mark.usefixtures("trained")
    async def test_who_read_the_model_before_somebody_else_named_a_cluster_undoes_nothing(
        self, client: httpx.AsyncClient
    ) -> None:
        tag = (await client.get("/v1/models/people")).headers["ETag"]
        assert (await call(client, "c1", "A", if_match=tag)).status_code == 200
        assert problem(await call(client, "c3", "B", if_match=tag))["status"] == 412
        assert problem(await put_model(client, "people", PEOPLE, if_match=tag))["status"] == 412
        assert (await details(client, "people"))["definition"]["cluster_names"] == {"c1": "A"}

    async def test_a_cluster_can_be_named_though_a_feature_is_not_kept_any_more(
        self, client: httpx.AsyncClient, settings: ApiSettings, trainer: Trainer
    ) -> None:
        body = {**PEOPLE, "features": {"shoes": "count('view', category='shoes')"}}
        await put_model(client, "people", body)
        await trainer.learn("people", body, 1, CLUSTERS)
        async with client_of(settings.model_copy(update={"keep": "brand"})) as other:
            assert (await call(other, "c1", "A")).status_code == 200

    async def test_only_so_many_can_have_a_name(self, client: httpx.AsyncClient, trainer: Trainer) -> None:
        names = {f"c{number + 10}": "A" for number in range(1_000)}
        await put_model(client, "people", {**PEOPLE, "cluster_names": names})
        await trainer.learn("people", PEOPLE, 1, CLUSTERS)
        assert problem(await call(client, "c1", "A"))["status"] == 409


class TestMoves:
    @pytest.mark.usefixtures("trained")
    async def test_all_that_are_known(self, client: httpx.AsyncClient) -> None:
        await call(client, "c3", "Fans")
        c1 = [{"after": "c1", "users": 6, "share": 0.5}, {"after": "c3", "users": 6, "share": 0.5}]
        assert await moves(client) == {
            "id": "people",
            "by": None,
            "since": MIDNIGHT - DAY_MS,
            "until": MIDNIGHT + DAY_MS,
            "users": 13,
            "names": {"c1": "few views", "c3": "Fans"},
            "rows": [
                {"before": "c1", "users": 12, "to": c1},
                {"before": "c3", "users": 1, "to": [{"after": "c1", "users": 1, "share": 1.0}]},
            ],
        }

    @pytest.mark.usefixtures("trained")
    async def test_whole_days_that_have_a_part_in_the_period(self, client: httpx.AsyncClient) -> None:
        periods: list[tuple[dict[str, Any], int]] = [
            ({"until": MIDNIGHT}, 4),
            ({"until": MIDNIGHT + 1}, 13),
            ({"since": MIDNIGHT}, 9),
            ({"since": MIDNIGHT - 1}, 13),
            ({"since": MIDNIGHT + DAY_MS - 1, "until": MIDNIGHT + DAY_MS}, 9),
            ({"since": MIDNIGHT + DAY_MS}, 0),
            ({"since": "2024-11-21T23:00:00Z", "until": "2024-11-22T00:00:00Z"}, 4),
        ]
        for period, users in periods:
            told = await moves(client, **period)
            assert told["users"] == users, period
            assert users or (told["since"], told["until"], told["rows"]) == (None, None, [])

    @pytest.mark.usefixtures("trained")
    async def test_classes_are_told_as_a_whole_or_by_a_letter(self, client: httpx.AsyncClient) -> None:
        for by, pairs in (
            ({}, {("511", "555"): 1, ("543", "443"): 3}),
            ({"by": "r"}, {("5", "4"): 3, ("5", "5"): 1}),
            ({"by": "f"}, {("1", "5"): 1, ("4", "4"): 3}),
            ({"by": "m"}, {("1", "5"): 1, ("3", "3"): 3}),
        ):
            told = await moves(client, "spent", **by)
            assert told["by"] == by.get("by")
            assert {
                (row["before"], each["after"]): each["users"] for row in told["rows"] for each in row["to"]
            } == pairs

    @pytest.mark.usefixtures("trained")
    async def test_what_cannot_be_answered(self, client: httpx.AsyncClient) -> None:
        for path, status in (
            ("likely/moves", 404),
            ("nobody/moves", 404),
            ("people/moves?by=r", 422),
            ("spent/moves?by=v", 422),
            ("people/moves?since=5&until=5", 422),
            ("people/moves?since=-1", 422),
        ):
            assert problem(await client.get(f"/v1/models/{path}"))["status"] == status, path

    async def test_there_are_none_before_something_was_learned(self, client: httpx.AsyncClient) -> None:
        await put_model(client, "people", PEOPLE)
        told = await moves(client)
        assert (told["since"], told["until"], told["users"], told["rows"]) == (None, None, 0, [])

    @given(
        st.lists(st.builds(Move, st.integers(0, 9), st.sampled_from("ab"), st.sampled_from("ab"), st.integers(1, 9))),
        st.integers(0, 10 * DAY_MS) | st.none(),
        st.integers(0, 10 * DAY_MS) | st.none(),
    )
    def test_every_move_of_the_period_is_in_one_place(
        self, known: list[Move], since: int | None, until: int | None
    ) -> None:
        first, last = since or 0, 10 * DAY_MS if until is None else until
        assume(first < last)  # the endpoint lets no other period through
        found = Transitions(Period(since, until))
        for move in known:
            found.add(move)
        told = found.told()
        expected = Counter[tuple[str, str]]()
        for move in known:
            if max(first, move.day * DAY_MS) < min(last, (move.day + 1) * DAY_MS):
                expected[move.before, move.after] += move.users
        assert expected == {(row["before"], each["after"]): each["users"] for row in told["rows"] for each in row["to"]}
        assert told["users"] == sum(row["users"] for row in told["rows"]) == expected.total()
        for row in told["rows"]:
            assert sum(each["users"] for each in row["to"]) == row["users"]
            assert sum(each["share"] for each in row["to"]) == pytest.approx(1)

    async def test_however_many_there_are_each_is_read_once(self, client: httpx.AsyncClient, trained: Trainer) -> None:
        many = [Move(DAY + day, f"c{1 + day % 11}", "c1", 1 + day) for day in range(2_000)]
        expected = Counter[str]()
        for move in many:
            expected[move.before] += move.users
        await trained.redis.set(keys.moves("people"), orjson.dumps(many, default=tuple))
        told = await moves(client)
        assert (told["users"], told["since"], told["until"]) == (2_001_000, MIDNIGHT, MIDNIGHT + 2_000 * DAY_MS)
        assert {row["before"]: row["users"] for row in told["rows"]} == expected
        assert [row["before"] for row in told["rows"]] == [f"c{number}" for number in range(1, 12)]

    async def test_what_cannot_be_read_is_not_known(self, client: httpx.AsyncClient, trained: Trainer) -> None:
        for stored in (b"", b"[", b"{}", b"[[1]]", b'[[1,"c1","c2","x"]]', b"\xff"):
            await trained.redis.set(keys.moves("people"), stored)
            assert (await moves(client))["rows"] == [], stored
