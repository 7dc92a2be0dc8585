"""Models through the API: created, replaced, listed, deleted; and what is refused."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.segment_api.settings import ApiSettings
from services.segmentation.models import registry
from tests.segment_api.models.trainer import CLUSTERS, FEATURES, LIKELY, PEOPLE, SPENT, Trainer
from tests.segment_api.running import client_of, problem, put

RULE = "count('visit') >= 1"
ALIKE: dict[str, Any] = {"name": "Alike", "kind": "lookalike", "seed": "buyers", "features": FEATURES}


async def put_model(client: httpx.AsyncClient, model_id: str, body: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.put(f"/v1/models/{model_id}", json=body, headers=named)


async def details(client: httpx.AsyncClient, model_id: str) -> dict[str, Any]:
    response = await client.get(f"/v1/models/{model_id}")
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


def waiting(warm_up: int = 1_000) -> dict[str, Any]:
    """What is told of a training of which nothing is noted."""
    return {"samples": 0, "warm_up": warm_up, "at": None, "complaint": None}


async def test_a_new_model_is_created_and_an_old_one_replaced(client: httpx.AsyncClient) -> None:
    created = await put_model(client, "people", PEOPLE)
    replaced = await put_model(client, "people", {**PEOPLE, "name": "All", "warm_up": 50})
    assert (created.status_code, replaced.status_code) == (201, 200)
    shown = {"id": "people", "name": "All", "kind": "cluster", "owner": "api", "pinned": False, "live": None}
    shown |= {"version": 2, "state": "waiting for samples", "training": waiting(warm_up=50)}
    assert (await client.get("/v1/models")).json() == {"catalog_version": 2, "trainer": None, "models": [shown]}
    definition = replaced.json().pop("definition")
    assert definition == {**definition, **PEOPLE, "name": "All", "warm_up": 50, "estimator": "KMeans", "among": None}
    assert replaced.json() == {**shown, "definition": definition}
    nothing = dict.fromkeys(["clusters", "happenings", "classes", "curve", "weights", "trainer"])
    assert await details(client, "people") == {**replaced.json(), **nothing, "used_by": [], "stored": []}


async def test_a_definition_that_was_read_can_be_put_as_it_is(client: httpx.AsyncClient) -> None:
    for model_id, body in (("people", PEOPLE), ("likely", LIKELY), ("spent", SPENT)):
        created = await put_model(client, model_id, body)
        again = await put_model(client, model_id, created.json()["definition"])
        assert (again.status_code, again.json()) == (200, created.json())
    assert (await client.get("/v1/models")).json()["catalog_version"] == 3


async def test_the_list_is_sorted_by_id(client: httpx.AsyncClient) -> None:
    for model_id in ("b", "c", "a"):
        await put_model(client, model_id, SPENT)
    assert [each["id"] for each in (await client.get("/v1/models")).json()["models"]] == ["a", "b", "c"]


async def test_an_edit_is_known_on_every_process_to_whom_waits_for_it(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        version = (await put_model(one, "people", PEOPLE)).json()["version"]
        for path in ("/v1/models", "/v1/models/people"):
            assert (await other.get(path, params={"min_catalog": version})).status_code == 200
        assert problem(await other.get("/v1/models", params={"min_catalog": version + 1}))["status"] == 503


async def test_a_deleted_model_is_gone_and_what_it_learned_stays_for_the_trainer(
    client: httpx.AsyncClient, trainer: Trainer
) -> None:
    await put_model(client, "people", PEOPLE)
    await trainer.store("people", PEOPLE, 1, CLUSTERS)
    deleted = await client.delete("/v1/models/people")
    assert (deleted.status_code, deleted.headers["Catalog-Version"]) == (204, "2")
    for response in (await client.delete("/v1/models/people"), await client.get("/v1/models/people")):
        assert problem(response)["status"] == 404
    assert (await put_model(client, "people", PEOPLE)).status_code == 201
    assert [each["number"] for each in (await details(client, "people"))["stored"]] == [1]


@pytest.mark.parametrize(
    ("feature", "place"),
    [
        ("cuont('view')", ("cuont", 1, 1, "cuont('view')\n^^^^^", "did you mean count?")),
        (
            "count('view', brnd='x')",
            ("'brnd', which is not kept", 1, 15, "count('view', brnd='x')\n              ^^^^", "did you mean brand?"),
        ),
        ("count('view',\n colour='x')", ("'colour', which is not kept", 2, 2, " colour='x')\n ^^^^^^", None)),
        ("segment('buyers')", ("segment('buyers')", 1, 1, "segment('buyers')\n^^^^^^^^^^^^^^^^^", None)),
    ],
)
async def test_a_bad_feature_is_told_where_and_why(
    client: httpx.AsyncClient, feature: str, place: tuple[Any, ...]
) -> None:
    response = await put_model(client, "people", {**PEOPLE, "features": {"good": "tenure()", "bad": feature}})
    told = problem(response)
    assert (told["status"], told["feature"]) == (422, "bad")
    assert (told["found"], told["line"], told["column"], told["caret"]) == place[:4]
    assert told["expected"]
    assert place[4] is None or told["hint"] == place[4]
    assert told["detail"].startswith(f"feature bad: line {place[1]}, column {place[2]}: found ")
    assert (await client.get("/v1/models")).json()["models"] == []


async def test_what_an_rfm_model_adds_up_has_to_be_kept(client: httpx.AsyncClient) -> None:
    told = problem(await put_model(client, "spent", {**SPENT, "value": "margin"}))
    assert (told["status"], told["feature"]) == (422, "value")
    assert "margin" in told["found"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"estimator": "KMaens"}, "no clusterer 'KMaens'; there is DBSTREAM, DenStream, KMeans, STREAMKMeans"),
        ({"parameters": {"n_clusters": 65}}, "n_clusters of KMeans is a whole number from 1 to 64, not 65"),
        ({"parameters": {"clusters": 6}}, "KMeans has no parameter 'clusters'"),
        ({"among": "nobody"}, "there is no segment nobody to learn of"),
        ({"among": "mobile"}, "the segment mobile asks the ad request"),
        ({"among": "mobile-buyers"}, "the segment mobile-buyers asks the ad request"),
        (SPENT | {"features": None}, "it is of the kind cluster, and that stays"),
    ],
)
async def test_a_model_that_could_not_learn_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], detail: str
) -> None:
    await put(client, "buyers", RULE)
    await put(client, "mobile", "request('device.type') == 'mobile'")
    await put(client, "mobile-buyers", "segment('mobile') and segment('buyers')")
    await put_model(client, "people", PEOPLE)
    body = {name: value for name, value in {**PEOPLE, **change}.items() if value is not None}
    told = problem(await put_model(client, "people", body))
    assert (told["status"], told["detail"][: len(detail)]) == (422, detail)
    assert (await details(client, "people"))["version"] == 4


@pytest.mark.parametrize("seed", [{"seed": "buyers"}, {"among": "buyers", "seed": "all"}])
async def test_a_segment_that_models_learn_of_is_not_deleted(client: httpx.AsyncClient, seed: dict[str, str]) -> None:
    for name in ("buyers", "all"):
        await put(client, name, RULE)
    await put(client, "more", "segment('buyers')")
    for model_id in ("b", "a"):
        assert (await put_model(client, model_id, {**ALIKE, **seed})).status_code == 201
    told = problem(await client.delete("/v1/segments/buyers"))
    assert (told["status"], told["used_by"], told["used_by_models"]) == (409, ["more"], ["a", "b"])
    for path in ("models/a", "models/b", "segments/more", "segments/buyers"):
        assert (await client.delete(f"/v1/{path}")).status_code == 204


async def test_a_model_that_rules_name_is_not_deleted(client: httpx.AsyncClient) -> None:
    await put_model(client, "people", PEOPLE)
    for name in ("b", "a"):
        await put(client, name, "cluster('people') == 'c1'")
    told = problem(await client.delete("/v1/models/people"))
    assert (told["status"], told["used_by"]) == (409, ["a", "b"])
    assert (await details(client, "people"))["used_by"] == ["a", "b"]
    for path in ("segments/a", "segments/b", "models/people"):
        assert (await client.delete(f"/v1/{path}")).status_code == 204


async def test_there_may_be_so_many_and_no_more(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_MODELS", 2)
    created = [await put_model(client, model_id, SPENT) for model_id in ("a", "b", "c")]
    assert [each.status_code for each in created] == [201, 201, 409]
    problem(created[2])


BAD_BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"kind": "cluster"}',
    b'{"name": "A", "kind": "rmf"}',
    b'{"name": "A", "kind": ["rfm"]}',
    b'{"name": "A", "kind": "rfm", "more": 1}',
    b'{"name": "A", "kind": "rfm", "warm_up": "100"}',
    b'{"name": "A", "kind": "rfm", "warm_up": 49}',
    b'{"name": "A", "kind": "rfm", "sample_every": "6 hours"}',
    b'{"name": "A", "kind": "rfm", "within": "0d"}',
    b'{"name": "A", "kind": "rfm", "purposes": [true]}',
    b'{"name": "A", "kind": "cluster", "features": {}}',
    b'{"name": "A", "kind": "cluster", "features": {"A": "tenure()"}}',
    b'{"name": "A", "kind": "cluster", "features": {"a": 1}}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "' + b"(" * 1_900 + b'"}}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "tenure()"}, "minimum_share": NaN}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "tenure()"}, "minimum_share": 1e999}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "tenure()"}, "parameters": {"a": [1]}}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "tenure()"}, "parameters": {"a": 99999999999999999999}}',
    b'{"name": "A", "kind": "cluster", "features": {"a": "tenure()"}, "cluster_names": {"x": "a"}}',
    b'{"name": "A", "kind": "lookalike", "features": {"a": "tenure()"}, "seed": "x", "among": "x"}',
    b'{"name": "\\ud800", "kind": "rfm"}',
    b"[" * 100_000,
]


async def test_a_body_that_does_not_fit_is_refused(client: httpx.AsyncClient) -> None:
    for body in BAD_BODIES:
        assert problem(await client.put("/v1/models/bad", content=body))["status"] == 422, body
    assert (await client.get("/v1/models")).json() == {"catalog_version": 0, "trainer": None, "models": []}


async def test_an_id_that_does_not_fit_is_refused(client: httpx.AsyncClient) -> None:
    for method in ("GET", "PUT", "DELETE"):
        for model_id in ("A", "-a", "a b", "a" * 65, "a%0A"):
            assert problem(await client.request(method, f"/v1/models/{model_id}", json=SPENT))["status"] == 422, (
                model_id
            )


async def test_who_read_a_model_before_somebody_else_edited_it_does_not_undo_that(client: httpx.AsyncClient) -> None:
    assert (await put_model(client, "people", PEOPLE, if_none_match="*")).headers["ETag"] == '"1"'
    assert problem(await put_model(client, "people", PEOPLE, if_none_match="*"))["version"] == 1
    tag = (await client.get("/v1/models/people")).headers["ETag"]
    changed = await put_model(client, "people", {**PEOPLE, "name": "B"}, if_match=tag)
    assert changed.headers["ETag"] == '"2"'
    for refused in (
        await put_model(client, "people", PEOPLE, if_match=tag),
        await client.delete("/v1/models/people", headers={"If-Match": tag}),
    ):
        assert (problem(refused)["status"], problem(refused)["version"]) == (412, 2)
    assert problem(await put_model(client, "other", PEOPLE, if_match="*"))["version"] is None
    assert (await client.delete("/v1/models/people", headers={"If-Match": '"2"'})).status_code == 204


async def test_no_edit_is_lost_among_two_writers_of_models_and_segments(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        edits = [(put_model(one, f"m-{index}", SPENT), put(other, f"s-{index}", RULE)) for index in range(10)]
        responses = await asyncio.gather(*(edit for pair in edits for edit in pair))
        assert {response.status_code for response in responses} == {201}
        models, segments = (await one.get("/v1/models")).json(), (await other.get("/v1/segments")).json()
        assert (len(models["models"]), len(segments["segments"]), models["catalog_version"]) == (10, 10, 20)


PUT_ALL = """
import asyncio, sys
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, put
from tests.segment_api.models.test_models import ALIKE
from tests.segment_api.models.trainer import LIKELY, PEOPLE, SPENT

async def main() -> None:
    async with client_of(ApiSettings(redis_url=sys.argv[1], partitions=8)) as client:
        await put(client, "buyers", "count('purchase') >= 1")
        for number, body in enumerate([PEOPLE, LIKELY, SPENT, ALIKE, {**LIKELY, "kind": "anomaly"}]):
            assert (await client.put(f"/v1/models/{number}", json=body)).status_code == 201
    print("river" in sys.modules, "numpy" in sys.modules)

asyncio.run(main())
"""


async def test_the_process_that_checks_estimators_has_not_imported_river(settings: ApiSettings) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUT_ALL, settings.redis_url, stdout=-1, cwd=Path(__file__).parents[3]
    )
    told, _ = await process.communicate()
    assert told.split() == [b"False", b"False"]
