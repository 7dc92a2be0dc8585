"""The whole tool against the whole product, as an operator runs it: exit codes, reports, and what is left."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadtests.load.cli import main
from tests.behaviour.conftest import EMBEDDED, kafka_env
from tests.behaviour.product import TRANCHE, Product, running

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("servers")]

# What a busy machine does to latencies is no concern here.
LIMITS = """
defaults:
  lookup.errors: {max: 0}
  lookup.known: {min: 0.5}
  event.errors: {max: 0}
  freshness.p99_ms: {max: 3000}
  freshness.failed: {max: 0}
  lag.end_records: {max: 1000}
scenarios: {}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("load")


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    scopes = ("--scope", "lookup", "--scope", "segments", "--scope", "operations")
    command = [str(TRANCHE), "keys", "create", "--name", "load test", *scopes, "--file", str(folder / "keys.yaml")]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.strip()


@pytest.fixture(scope="module")
def product(folder: Path, key: str) -> Iterator[Product]:
    env = {"TRANCHE_API_KEYS": str(folder / "keys.yaml"), "TRANCHE_PARTITIONS": "8"}
    product = Product(folder / "data", env, workers=2)
    product.start()
    product.api.headers["Authorization"] = f"Bearer {key}"
    yield product
    product.stop()


@pytest.fixture
def common(product: Product, key: str, folder: Path) -> list[str]:
    (folder / "limits.yaml").write_text(LIMITS)
    where = ["--api", str(product.api.base_url), "--collector", str(product.collector.base_url), "--api-key", key]
    load = ["--rate", "60", "--seconds", "5", "--warm-up", "0.5", "--users", "200", "--past", "100"]
    return [*where, *load, "--thresholds", str(folder / "limits.yaml"), "--out", str(folder / "report")]


def report(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text())
    return told


def test_a_good_run_ends_with_0_and_tells_all_there_is_to_know(
    product: Product, common: list[str], folder: Path
) -> None:
    assert main(["run", "mixed", *common]) == 0
    told = report(folder)
    (stage,) = told["stages"]
    assert told["verdict"] == "ok"
    assert stage["figures"]["lookup.requests"] + stage["figures"]["event.requests"] == 300
    assert stage["outcomes"]["event"] == {"accepted": stage["figures"]["event.requests"]}
    assert set(stage["outcomes"]["freshness"]) == {"visible"}
    assert 23 <= stage["outcomes"]["freshness"]["visible"] <= 27
    assert not [note for note in stage["notes"] if "no metrics" in note]
    assert all(stage["cpu"][role]["per_thousand_s"] > 0 for role in ("api", "collector", "worker"))
    assert stage["cpu"]["worker"]["work"] == pytest.approx(
        stage["cpu"]["collector"]["work"], rel=0.1
    )  # of both of them
    assert stage["lag"]
    assert len(stage["partitions"]) == 8
    assert "<svg" in (folder / "report" / "report.html").read_text()
    _nothing_is_left_but_users_of_its_own_space(product)


def _nothing_is_left_but_users_of_its_own_space(product: Product) -> None:
    assert product.api.get("/v1/segments/loadtest-probe").status_code == 404
    assert not [each for each in psutil.Process().children() if "loadtests.load.generator" in " ".join(each.cmdline())]
    assert product.lookup("load-1-1", space="loadtest")["known"] is True
    assert product.lookup("load-1-1")["known"] is False


@pytest.mark.long
def test_a_probe_segment_that_is_there_stays(product: Product, common: list[str]) -> None:
    body = {"name": "Probe", "rule": 'count("loadtest_probe") >= 1'}
    product.api.put("/v1/segments/own-probe", json=body).raise_for_status()
    assert main(["run", "lookups", *common, "--probe-segment", "own-probe", "--no-create"]) == 0
    assert product.api.get("/v1/segments/own-probe").status_code == 200


@pytest.mark.long
def test_a_worker_that_hangs_breaks_freshness(product: Product, common: list[str], folder: Path) -> None:
    product.api.put("/v1/segments/loadtest-probe", json={"name": "P", "rule": 'count("loadtest_probe") >= 1'})
    main(["run", "lookups", *common])  # so that users have a past, and the worker has caught up
    workers = product.roles("worker")
    for each in workers:
        each.suspend()
    try:
        assert main(["run", "lookups", *common, "--past", "0", "--no-create"]) == 1
    finally:
        for each in workers:
            each.resume()
        product.delete("loadtest-probe")
    broken = {each["figure"] for each in report(folder)["stages"][0]["thresholds"] if each["verdict"] == "broken"}
    assert {"freshness.p99_ms", "freshness.failed"} <= broken


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--api", "http://127.0.0.1:1"], "no answer from http://127.0.0.1:1"),
        (["--api", "nowhere"], "nowhere is no URL"),
        (["--api-key", "tranche_wrong"], "the key is not good"),
        (["--collector", ""], "tell where to"),
        (["--no-create"], "there is no segment loadtest-probe"),
        (["--seconds", "1"], "raise --seconds"),
        (["--metrics", "api"], "write ROLE=URL"),
        (["--thresholds", "/nowhere.yaml"], "/nowhere.yaml"),
    ],
)
def test_what_cannot_run_ends_with_2_and_says_why(
    common: list[str], changed: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "quick", *common, *changed]) == 2
    assert says in capsys.readouterr().err


def test_no_key_is_told_from_a_wrong_one(common: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    place = common.index("--api-key")
    assert main(["run", "quick", *common[:place], *common[place + 2 :]]) == 2
    assert "a key is needed" in capsys.readouterr().err


@pytest.mark.long
def test_events_straight_to_kafka_are_applied_and_timed(
    kafka_bootstrap: str, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {**EMBEDDED, **kafka_env(kafka_bootstrap)}
    with running(Product(tmp_path / "data", env)) as product:
        where = ["--api", str(product.api.base_url), "--collector", str(product.collector.base_url)]
        kafka = ["--kafka", kafka_bootstrap, "--topic", env["TRANCHE_KAFKA_TOPIC"]]
        (folder / "limits.yaml").write_text(LIMITS)
        load = ["--rate", "100", "--seconds", "5", "--warm-up", "0.5", "--users", "200", "--past", "0"]
        judged = ["--thresholds", str(folder / "limits.yaml"), "--out", str(folder / "report")]
        assert main(["run", "events", *where, *kafka, *load, *judged]) == 0, capsys.readouterr()
        product.wait_applied()
        assert report(folder)["stages"][0]["outcomes"]["event"] == {"accepted": 500}
        assert product.status()["users"] > 100
