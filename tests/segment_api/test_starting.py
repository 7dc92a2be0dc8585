"""Starting the API: what it needs to find, and the operator's file of segments."""

from pathlib import Path

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisGone

from services.runtime.partition_count import PartitionCountDiffers
from services.runtime.redis_client import BadRedisUrl, connect
from services.runtime.segments_file import BadSegmentsFile
from services.runtime.watched import UnreadableValue
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segment_api.starter import Files, apply_files
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire import keys
from tests.segment_api.running import client_of, problem, put

GOOD = """
segments:
  one: {name: One, rule: "count('visit') >= 1"}
  two: {name: Two, rule: "count('visit') >= 2", purposes: [1, 3], taxonomy: {iab: ["1"]}}
"""


async def start(settings: ApiSettings) -> httpx.Response:
    async with client_of(settings) as client:
        return await client.get("/v1/segments")


async def applied(settings: ApiSettings, with_segments: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    await apply_files(CatalogStore(redis, watched_catalog(redis)), Files(with_segments.segments), KEEP_ALL)
    await redis.aclose()


def with_file(settings: ApiSettings, folder: Path, text: str) -> ApiSettings:
    path = folder / "segments.yaml"
    path.write_text(text)
    return settings.model_copy(update={"segments": path})


async def test_without_redis_it_does_not_start(settings: ApiSettings, tmp_path: Path) -> None:
    with pytest.raises(RedisGone):
        await start(settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody.sock"}))


async def test_a_url_that_names_no_redis_is_told_without_repeating_it(settings: ApiSettings) -> None:
    with pytest.raises(BadRedisUrl, match="TRANCHE_REDIS_URL") as raised:
        await start(settings.model_copy(update={"redis_url": "http://user:secret-1@host"}))
    assert "secret-1" not in str(raised.value)


async def test_another_number_of_partitions_is_refused(settings: ApiSettings) -> None:
    await start(settings)
    with pytest.raises(PartitionCountDiffers, match="set it to 8"):
        await start(settings.model_copy(update={"partitions": 9}))


async def test_a_catalog_that_it_cannot_read_is_refused(settings: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.hset(keys.CATALOG, mapping={"version": 1, "document": "nonsense"})
    await redis.aclose()
    with pytest.raises(UnreadableValue, match=keys.CATALOG):
        await start(settings)


async def test_what_has_started_is_ready_and_has_its_catalog(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert "\ntranche_api_catalog_version 1.0\n" in (await client.get("/metrics")).text


async def test_the_file_is_put_once_however_often_it_starts(settings: ApiSettings, tmp_path: Path) -> None:
    with_segments = with_file(settings, tmp_path, GOOD)
    first, second = await start(with_segments), await start(with_segments)
    assert [each["id"] for each in first.json()["segments"]] == ["one", "two"]
    assert first.json()["segments"][1]["purposes"] == [1, 3]
    assert (first.json()["catalog_version"], second.json()) == (1, first.json())


async def test_the_file_replaces_what_it_names_and_leaves_the_rest(settings: ApiSettings, tmp_path: Path) -> None:
    async with client_of(settings) as client:
        await put(client, "one", "count('buy') >= 1")
        await put(client, "mine", "count('buy') >= 1")
    segments = (await start(with_file(settings, tmp_path, GOOD))).json()["segments"]
    assert {each["id"]: (each["rule"], each["owner"]) for each in segments} == {
        "mine": ("count('buy') >= 1", "api"),
        "one": ("count('visit') >= 1", "file"),
        "two": ("count('visit') >= 2", "file"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("segments: {a: {name: A, rule: \"count('x')\"}}", "segment a: line 1, column 1"),
        (GOOD + '  bad: {name: B, rule: "count(1) > 2"}', "segment bad: line 1, column 7"),
        ("segments: {a: {name: A, rule: \"count('x', zzz=1) > 1\"}}", "segment a: .*zzz"),
        (GOOD + "  bad: {name: B, rule: \"not segment('tow')\"}", r"segment bad: line 1, column \d+.*two"),
        (
            f"{GOOD}  bad: {{name: B, rule: \"segment('worse')\"}}\n  worse: {{name: W, rule: \"segment('bad')\"}}",
            r"segment bad: line 1, column \d+.*bad -> worse -> bad",
        ),
        ("segments: {a: {name: A}}", "segments.a.rule: Field required"),
        ("segments: {a: {name: A, rule: x, prupose: 1}}", "segments.a.prupose: Extra inputs"),
        ("segments: {A B: {name: A, rule: x}}", "segments.A B"),
        ("segments: {1: {name: A, rule: x}}", "segments.1"),
        ("segments: []", "segments: Input should be a valid dictionary"),
        ("segments:", "segments: Input should be a valid dictionary"),
        ("{}", "expected one key, segments"),
        ("", "expected one key, segments"),
        ("other: 1", "expected one key, segments"),
        ("segments: {", "line 1"),
        ("segments: {a: {name: A, rule: x}, a: {name: B, rule: y}}", "'a' is there twice"),
        ("segments: {a: {name: 2024-99-99, rule: x}}", "ValueError: month must be"),
        ("segments: {a: {name: !!int 'abc', rule: x}}", "ValueError"),
        ("segments: {a: {name: !!timestamp 'x', rule: x}}", "AttributeError"),
        ("segments: {a: {name: !!bool 'x', rule: x}}", "KeyError"),
        ("segments: " + "[" * 3_000, "RecursionError"),
        ("segments: !!python/object/apply:os.system ['true']", "python/object"),
    ],
)
async def test_a_bad_file_is_told_what_is_wrong_and_nothing_of_it_is_put(
    settings: ApiSettings, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BadSegmentsFile, match=message) as raised:
        await start(with_file(settings, tmp_path, text))
    assert str(raised.value).startswith(f"{tmp_path}/segments.yaml: ")
    assert (await start(settings)).json() == {"catalog_version": 0, "segments": []}


async def test_a_file_that_is_not_there_or_no_text_is_told(settings: ApiSettings, tmp_path: Path) -> None:
    with pytest.raises(BadSegmentsFile, match=r"nowhere\.yaml"):
        await start(settings.model_copy(update={"segments": tmp_path / "nowhere.yaml"}))
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(BadSegmentsFile, match="binary"):
        await start(settings.model_copy(update={"segments": tmp_path / "binary"}))


async def test_segments_of_the_file_may_name_each_other_in_any_order(settings: ApiSettings, tmp_path: Path) -> None:
    text = (
        GOOD
        + "  all: {name: All, rule: \"segment('zero') or segment('one')\"}\n  zero: {name: Z, rule: \"segment('two')\"}"
    )
    content = (await start(with_file(settings, tmp_path, text))).json()
    assert {each["id"]: each["version"] for each in content["segments"]} == dict.fromkeys(
        ["all", "one", "two", "zero"], 1
    )


async def test_what_the_file_said_before_undoes_no_edit(
    settings: ApiSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await applied(settings, with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        await put(client, "one", "count('buy') >= 1")
        await client.delete("/v1/segments/two")
        before = (await client.get("/v1/segments")).json()
    with caplog.at_level("INFO"):
        await applied(settings, with_file(settings, tmp_path, GOOD))
    assert (await start(settings)).json() == before
    assert [(each["id"], each["owner"]) for each in before["segments"]] == [("one", "api")]
    messages = [each.getMessage() for each in caplog.records if each.name.endswith("starter")]
    assert messages == ["segments.yaml: left as the API edited or deleted them: one, two"]


async def test_what_the_file_says_anew_is_the_newest_edit(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        await put(client, "one", "count('buy') >= 1")
        await client.delete("/v1/segments/two")
    text = GOOD.replace(">= 1", ">= 7").replace(">= 2", ">= 8")
    segments = (await start(with_file(settings, tmp_path, text))).json()["segments"]
    assert {each["id"]: (each["rule"], each["owner"]) for each in segments} == {
        "one": ("count('visit') >= 7", "file"),
        "two": ("count('visit') >= 8", "file"),
    }


async def test_a_segment_is_the_files_again_once_it_is_what_the_file_says(
    settings: ApiSettings, tmp_path: Path
) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        owners = []
        for rule in ("count('buy') >= 1", "count('visit') >= 1"):
            body = {"name": "One", "rule": rule}
            owners.append((await client.put("/v1/segments/one", json=body)).json()["owner"])
    assert owners == ["api", "file"]


async def test_a_segment_that_vanished_from_the_file_stays(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    text = "segments: {three: {name: Three, rule: \"count('visit') >= 3\"}}"
    segments = (await start(with_file(settings, tmp_path, text))).json()["segments"]
    assert [(each["id"], each["owner"]) for each in segments] == [("one", "api"), ("three", "file"), ("two", "api")]


async def test_a_rule_that_names_what_the_api_deleted_is_told_so(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        await client.delete("/v1/segments/two")
    text = GOOD + "  more: {name: More, rule: \"segment('two')\"}"
    with pytest.raises(BadSegmentsFile, match=r"segment more: line 1.*deleted through the API.*: two$"):
        await start(with_file(settings, tmp_path, text))


async def test_the_history_tells_what_the_file_edited(settings: ApiSettings, tmp_path: Path) -> None:
    await applied(settings, with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        await put(client, "one", "count('buy') >= 1")
        await applied(settings, with_file(settings, tmp_path, GOOD.replace(">= 1", ">= 7")))
        told = {name: (await client.get(f"/v1/segments/{name}/history")).json()["entries"] for name in ("one", "two")}
    assert [(each["version"], each["by"], each["author"]) for each in told["one"]] == [
        (3, "file", "segments.yaml"),
        (2, "api", None),
        (1, "file", "segments.yaml"),
    ]
    assert [(each["version"], each["by"]) for each in told["two"]] == [(1, "file")]


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    for method, path, status in [("GET", "/v1/nothing", 404), ("POST", "/v1/segments/a", 405), ("GET", "/", 404)]:
        response = await client.request(method, path)
        assert response.status_code == status
        problem(response)


async def test_a_segment_that_the_file_names_again_is_put_again(settings: ApiSettings, tmp_path: Path) -> None:
    await start(with_file(settings, tmp_path, GOOD))
    async with client_of(settings) as client:
        assert (await client.delete("/v1/segments/two")).status_code == 204
    without = "segments: {one: {name: One, rule: \"count('visit') >= 1\"}}"
    for text, expected in ((GOOD, ["one"]), (without, ["one"]), (GOOD, ["one", "two"])):
        segments = (await start(with_file(settings, tmp_path, text))).json()["segments"]
        assert [each["id"] for each in segments] == expected
