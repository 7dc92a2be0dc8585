"""Rules that name models, through every endpoint: they are put, looked up, explained, previewed, exported."""

from typing import Any

import httpx
import pytest

from services.runtime.clock import now_ms
from services.segment_api.settings import ApiSettings
from services.segmentation.events import Event
from tests.segment_api.exporting import exported, members_of
from tests.segment_api.models.test_models import put_model
from tests.segment_api.models.trainer import CLASSES, CLUSTERS, CURVE, LIKELY, PEOPLE, SPENT, SWAPPED, Trainer
from tests.segment_api.running import client_of, lookup, metric, problem, put, until
from tests.segment_api.stored import StoredUsers, event

NOW = now_ms()
FANS = "cluster('people') == 'c3'"
EVALUATED = "tranche_api_profiles_evaluated_total"


@pytest.fixture(autouse=True)
async def trained(client: httpx.AsyncClient, trainer: Trainer) -> Trainer:
    for model_id, definition, body in (
        ("people", PEOPLE, CLUSTERS),
        ("likely", LIKELY, CURVE),
        ("spent", SPENT, CLASSES),
    ):
        await put_model(client, model_id, definition)
        await trainer.learn(model_id, definition, 1, body)
    return trainer


async def ids(client: httpx.AsyncClient, user_id: str = "u-42") -> list[str]:
    found: list[str] = (await lookup(client, user_id, fields="ids"))["segments"]
    return found


def viewed(number: int = 1, user_id: str = "u-42") -> list[Event]:
    return [event("view", NOW + index, user_id) for index in range(number)]


def bought(user_id: str = "u-42") -> list[Event]:
    return [event("purchase", NOW, user_id, properties={"value": 25})]


async def test_who_is_meant_by_a_model_is_found_after_the_next_event(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    for name, rule in (
        ("fans", FANS),
        ("others", "cluster('people') in ['c1', 'c2']"),
        ("hot", "score('likely') >= 0.65"),
        ("hottest", "score('likely') >= 0.7"),
        ("big", "rfm('spent', 'm') == 3 and rfm('spent', 'f') == 2"),
        ("cold", "not segment('fans') and not score('likely') > 0"),
    ):
        assert (await put(client, name, rule)).status_code == 201
    await users.apply(viewed())
    await users.apply(bought("buyer"))
    assert await ids(client) == ["fans", "hot"]
    assert await ids(client, "buyer") == ["big", "cold", "others"]
    assert await metric(client, EVALUATED) == 0


async def test_a_new_rule_is_true_of_the_past_at_once(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply(viewed())
    await put(client, "fans", FANS)
    assert await ids(client) == ["fans"]
    assert await metric(client, EVALUATED) == 1


async def test_a_newer_snapshot_reaches_a_user_at_the_next_event_and_slows_no_lookup(
    client: httpx.AsyncClient, users: StoredUsers, trained: Trainer
) -> None:
    await put(client, "fans", FANS)
    await users.apply(viewed())
    await trained.learn("people", PEOPLE, 2, SWAPPED)
    await client.get("/v1/models")  # the catalog that knows it is in force here
    assert await ids(client) == ["fans"]
    assert await metric(client, EVALUATED) == 0
    await users.apply([event("visit", NOW + 5)])
    assert await ids(client) == []
    assert (await client.put("/v1/models/people/snapshot", json={"version": 1})).status_code == 200
    assert (await ids(client), await metric(client, EVALUATED)) == ([], 0)
    await users.apply([event("visit", NOW + 6)])
    assert await ids(client) == ["fans"]


async def test_another_process_says_the_same_within_a_second(settings: ApiSettings, users: StoredUsers) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        await users.apply(viewed())
        await put(one, "fans", FANS)

        async def shown() -> bool:
            return await ids(other) == ["fans"]

        await until(shown, 1)


async def test_a_model_without_a_snapshot_says_nothing_of_anybody(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put_model(client, "later", LIKELY)
    await put(client, "some", "score('later') >= 0")
    await put(client, "none", "not score('later') >= 0")
    await users.apply(viewed())
    assert await ids(client) == ["none"]


async def test_an_explanation_tells_what_the_model_said(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "fans", FANS)
    await users.apply(viewed())
    told = (await client.get("/v1/users/u-42/segments/fans/explain")).json()
    assert (told["in_segment"], told["tree"]["value"], told["tree"]["threshold"]) == (True, "c3", "c3")
    assert told["sentence"].endswith("is in the cluster c3 by the model people (c3 asked).")


async def test_a_preview_counts_whom_a_model_means(client: httpx.AsyncClient, users: StoredUsers) -> None:
    for index in range(9):
        await users.apply(viewed(1, f"u{index}") if index % 3 else bought(f"u{index}"))
    await put(client, "hot", "score('likely') >= 0.5")
    answer = await client.post("/v1/segments/preview", json={"rule": FANS})
    told = answer.json()
    assert (answer.status_code, told["users"], told["size"], told["warnings"]) == (200, 9, 6, [])
    assert [(each["id"], each["users"]) for each in told["overlaps"]] == [("hot", 6)]
    assert {each["user_id"] for each in told["examples"]} <= {f"u{index}" for index in range(9) if index % 3}
    assert told["covered_since"] is None


async def test_an_export_holds_whom_a_model_means(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "fans", FANS)
    for index in range(9):
        await users.apply(viewed(1, f"u{index}") if index % 3 else bought(f"u{index}"))
    assert set(members_of(await exported(client, "fans"))) == {f"u{index}" for index in range(9) if index % 3}


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("cluster('poeple') == 'c1'", (9, 'did you mean "people"?')),
        ("cluster('likely') == 'c1'", (9, 'did you mean score("likely")?')),
        ("count('view') > 1 and\n score('people') > 0.5", (8, 'did you mean cluster("people")?')),
        ("rfm('spent', 'recency') >= 4", (14, 'did you mean "r"?')),
    ],
)
async def test_a_rule_that_names_no_model_or_one_of_another_kind_is_told_which_is_meant(
    client: httpx.AsyncClient, rule: str, place: tuple[int, str]
) -> None:
    for response in (await put(client, "bad", rule), await client.post("/v1/segments/preview", json={"rule": rule})):
        told = problem(response)
        assert (told["status"], told["column"], told["hint"]) == (422, *place)


@pytest.mark.parametrize(
    ("rule", "codes", "message"),
    [
        ("score('likely') > 1", ["never-true"], "it goes from 0 to 1"),
        ("rfm('spent', 'r') >= 6", ["never-true"], "classes go from 1 to 5"),
        ("cluster('people') == 'many views'", ["never-true", "unknown-cluster"], "there is c1 (few views), c3 (Fans)"),
        (
            "cluster('people') in ['c1', 'c2']",
            ["unknown-cluster"],
            "no cluster of the model people has the id c2 now; there is c1 (few views), c3 (Fans)",
        ),
        ("not cluster('later') == 'c9'", ["silent-model"], "the model later has no snapshot yet"),
        ("cluster('people') != 'c3'", [], ""),
    ],
)
async def test_what_models_do_not_say_is_warned_of(
    client: httpx.AsyncClient, rule: str, codes: list[str], message: str
) -> None:
    await put_model(client, "later", PEOPLE)
    await client.put("/v1/models/people/clusters/c3", json={"name": "Fans"})
    saved: dict[str, Any] = (await put(client, "odd", rule)).json()
    previewed = (await client.post("/v1/segments/preview", json={"rule": rule})).json()
    assert saved["warnings"] == previewed["warnings"]
    assert [each["code"] for each in saved["warnings"]] == codes
    assert not codes or message in saved["warnings"][-1]["message"]
