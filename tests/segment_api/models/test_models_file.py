"""Starting the API with a file of models, and with one of segments beside it."""

from pathlib import Path
from typing import Any

import pytest

from services.runtime.models_file import BadModelsFile
from services.runtime.redis_client import connect
from services.runtime.segments_file import BadSegmentsFile
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segment_api.starter import Files, apply_files
from services.segmentation.keep import KEEP_ALL
from tests.segment_api.models.test_models import details, put_model
from tests.segment_api.models.trainer import CLUSTERS, FEATURES, Trainer
from tests.segment_api.running import client_of, put

PEOPLE = "people: {name: People, kind: cluster, features: {views: \"decayed('view', halflife='1d')\"}}"
ALIKE = "alike: {name: Alike, kind: lookalike, seed: buyers, features: {views: \"count('view')\"}}"
MODELS = f"models:\n  {PEOPLE}\n  {ALIKE}\n"
SEGMENTS = """
segments:
  buyers: {name: Buyers, rule: "count('purchase') >= 1"}
  fans: {name: Fans, rule: "cluster('people') == 'c3'"}
"""


def with_files(
    settings: ApiSettings, folder: Path, models: str | None = MODELS, segments: str | None = SEGMENTS
) -> ApiSettings:
    told: dict[str, Path] = {}
    for name, text in (("models", models), ("segments", segments)):
        if text is not None:
            told[name] = folder / f"{name}.yaml"
            told[name].write_text(text)
    return settings.model_copy(update=told)


async def start(settings: ApiSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """The models and the segments that it starts with."""
    async with client_of(settings) as client:
        return (await client.get("/v1/models")).json(), (await client.get("/v1/segments")).json()


async def applied(settings: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    await apply_files(CatalogStore(redis, watched_catalog(redis)), Files(settings.segments, settings.models), KEEP_ALL)
    await redis.aclose()


async def test_both_files_are_one_edit(settings: ApiSettings, tmp_path: Path) -> None:
    models, segments = await start(with_files(settings, tmp_path))
    assert models["catalog_version"] == 1
    assert [(each["id"], each["version"], each["owner"]) for each in models["models"]] == [
        ("alike", 1, "file"),
        ("people", 1, "file"),
    ]
    assert [(each["id"], each["version"]) for each in segments["segments"]] == [("buyers", 1), ("fans", 1)]


@pytest.mark.dated_versions
async def test_the_edit_has_one_moment(settings: ApiSettings, tmp_path: Path) -> None:
    models, segments = await start(with_files(settings, tmp_path))
    assert {each["version"] for each in models["models"] + segments["segments"]} == {models["catalog_version"]}


async def test_files_are_put_once_however_often_it_starts(settings: ApiSettings, tmp_path: Path) -> None:
    told = with_files(settings, tmp_path)
    assert await start(told) == await start(told)


async def test_a_file_of_models_alone(settings: ApiSettings, tmp_path: Path) -> None:
    models, _ = await start(with_files(settings, tmp_path, f"models:\n  {PEOPLE}", None))
    assert [each["id"] for each in models["models"]] == ["people"]
    again, _ = await start(settings)
    assert (again["catalog_version"], again["models"]) == (1, models["models"])


async def test_what_the_files_said_before_undoes_no_edit(
    settings: ApiSettings, tmp_path: Path, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    told = with_files(settings, tmp_path)
    await applied(told)
    async with client_of(settings) as client:
        people = {"name": "People", "kind": "cluster", "features": FEATURES}
        await trainer.learn("people", people, 1, CLUSTERS)
        assert (await client.put("/v1/models/people/clusters/c3", json={"name": "Fans"})).status_code == 200
        assert (await client.delete("/v1/models/alike")).status_code == 204
        await put(client, "buyers", "count('purchase') >= 2")
    before = await start(settings)
    with caplog.at_level("INFO"):
        await applied(told)
    assert await start(settings) == before
    assert [(each["id"], each["owner"]) for each in before[0]["models"]] == [("people", "api")]
    assert [each.getMessage() for each in caplog.records if each.name.endswith("starter")] == [
        "segments.yaml: left as the API edited or deleted them: buyers",
        "models.yaml: left as the API edited or deleted them: people, alike",
    ]


async def test_what_a_file_says_anew_is_the_newest_edit_of_that_alone(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_files(settings, tmp_path))
    async with client_of(settings) as client:
        for model_id in ("people", "alike"):
            definition = (await details(client, model_id))["definition"]
            await put_model(client, model_id, {**definition, "name": "Edited"})
    models, _ = await start(with_files(settings, tmp_path, MODELS.replace("name: Alike", "name: Twins")))
    assert [(each["name"], each["owner"]) for each in models["models"]] == [("Twins", "file"), ("Edited", "api")]


async def test_what_a_file_says_anew_takes_no_name_from_a_cluster(
    settings: ApiSettings, tmp_path: Path, trainer: Trainer
) -> None:
    await start(with_files(settings, tmp_path))
    async with client_of(settings) as client:
        await trainer.learn("people", {"name": "People", "kind": "cluster", "features": FEATURES}, 1, CLUSTERS)
        assert (await client.put("/v1/models/people/clusters/c3", json={"name": "Fans"})).status_code == 200
    anew = MODELS.replace("name: People", "name: All, cluster_names: {c1: Rest}")
    async with client_of(with_files(settings, tmp_path, anew)) as client:
        told = await details(client, "people")
    assert told["name"] == "All"
    assert {each["id"]: each["name"] for each in told["clusters"]} == {"c1": "Rest", "c3": "Fans"}


async def test_a_model_that_vanished_from_the_file_stays(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_files(settings, tmp_path))
    models, _ = await start(with_files(settings, tmp_path, f"models:\n  {PEOPLE}"))
    assert [(each["id"], each["owner"]) for each in models["models"]] == [("alike", "api"), ("people", "file")]


async def test_a_segment_that_came_to_ask_the_request_keeps_nobody_from_starting(
    settings: ApiSettings, tmp_path: Path
) -> None:
    told = with_files(settings, tmp_path)
    await start(told)
    async with client_of(settings) as client:
        await put(client, "buyers", "request('device.type') == 'mobile'")
    models, _ = await start(told)
    assert [each["id"] for each in models["models"]] == ["alike", "people"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (MODELS.replace("view'", "view"), "model people: feature views: line 1, column 26: found 1d"),
        (MODELS.replace("name: People", "nmae: People"), "models.people.cluster.name: Field required"),
        (MODELS.replace("kind: cluster", "kind: clutser"), "models.people: Input tag 'clutser'"),
        (MODELS.replace("people:", "People:"), "models.People"),
        (MODELS.replace("seed: buyers", "seed: byers"), "model alike: there is no segment byers"),
        (MODELS.replace("seed: buyers", "seed: fans, estimator: Forest"), "model alike: no classifier 'Forest'"),
        (MODELS.replace("seed: buyers", "seed: mobile"), "model alike: the segment mobile asks the ad request"),
        ("models: []", "models: Input should be a valid dictionary"),
        ("segments: {}", "expected one key, models"),
        ("models: {", "line 1"),
    ],
)
async def test_a_bad_file_is_named_and_nothing_of_either_is_put(
    settings: ApiSettings, tmp_path: Path, models: str, message: str
) -> None:
    segments = SEGMENTS + "  mobile: {name: M, rule: \"request('device.type') == 'mobile'\"}\n"
    with pytest.raises(BadModelsFile, match=message) as raised:
        await start(with_files(settings, tmp_path, models, segments))
    assert str(raised.value).startswith(f"{tmp_path}/models.yaml: ")
    nothing = await start(settings)
    assert (nothing[0]["models"], nothing[1]) == ([], {"catalog_version": 0, "segments": []})


@pytest.mark.parametrize("segments", [SEGMENTS.replace("'people'", "'poeple'"), SEGMENTS.replace("cluster(", "score(")])
async def test_segments_that_name_no_model_are_refused_and_no_model_is_put(
    settings: ApiSettings, tmp_path: Path, segments: str
) -> None:
    with pytest.raises(BadSegmentsFile, match="segment fans: line 1, column") as raised:
        await start(with_files(settings, tmp_path, MODELS, segments))
    assert str(raised.value).startswith(f"{tmp_path}/segments.yaml: ")
    assert (await start(settings))[0]["models"] == []


async def test_a_kind_stays_in_the_file_too(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_files(settings, tmp_path))
    with pytest.raises(BadModelsFile, match="model people: it is of the kind cluster, and that stays"):
        await start(with_files(settings, tmp_path, MODELS.replace("kind: cluster", "kind: anomaly")))


async def test_rules_about_a_model_that_the_api_deleted_are_told_so(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_files(settings, tmp_path))
    async with client_of(settings) as client:
        for path in ("segments/fans", "models/people"):
            assert (await client.delete(f"/v1/{path}")).status_code == 204
    more = SEGMENTS + "  more: {name: More, rule: \"cluster('people') == 'c1'\"}"
    with pytest.raises(BadSegmentsFile, match=r"segment more: line 1.*deleted through the API.*: fans, people$"):
        await start(with_files(settings, tmp_path, MODELS, more))


async def test_a_file_that_is_not_there_is_told(settings: ApiSettings, tmp_path: Path) -> None:
    with pytest.raises(BadModelsFile, match=r"nowhere\.yaml"):
        await start(settings.model_copy(update={"models": tmp_path / "nowhere.yaml"}))


async def test_it_starts_with_the_files_that_are_delivered(settings: ApiSettings) -> None:
    deploy = Path(__file__).parents[3] / "deploy"
    told = {"models": deploy / "models.yaml", "segments": deploy / "segments.yaml"}
    models, _ = await start(settings.model_copy(update=told))
    assert {each["kind"] for each in models["models"]} == {"cluster", "rfm", "lookalike", "propensity", "anomaly"}
