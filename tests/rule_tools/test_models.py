"""Rules that name models are checked with a file of models, and tried with what was trained of them."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from services.rule_tools.check import check_file
from services.rule_tools.try_rule import TryOptions, try_rule
from services.runtime.models_file import BadModelsFile
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.models.definition import MODEL
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Clusters, Snapshot
from services.segmentation.models.wire import encode_snapshot

NOON_MS = 1_795_003_200_000  # 2026-11-18 12:00 UTC
DAY_MS = 86_400_000
PEOPLE = {"name": "People", "kind": "cluster", "features": {"recent": "since('page_view')"}}
MODELS = {"models": {"people": PEOPLE, "money": {"name": "Money", "kind": "rfm"}}}
IN_C2 = 'cluster("people") == "c2"'


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_bytes(orjson.dumps(MODELS))
    return path


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """c1 is of the last days; c2 was last seen about a month ago. An earlier version said the opposite."""
    folder = tmp_path / "trained"
    (folder / "people").mkdir(parents=True)
    definition, scale = MODEL.validate_python(PEOPLE), Scale((8.0,), (1.0,))  # log1p of minutes
    for version, ids in ((9, ("c2", "c1")), (10, ("c1", "c2"))):
        body = Clusters(((-1.0,), (1.7,)), ids, next_id=3)
        snapshot = Snapshot("people", version, definition.digest, ("recent",), scale, body, 100, NOON_MS)
        (folder / "people" / f"{version}.json").write_bytes(encode_snapshot(snapshot))
    (folder / "people" / "state.json").write_bytes(b"something else")
    return folder


def tried(tmp_path: Path, rule: str, **options: Any) -> tuple[int, str]:
    events = tmp_path / "events.ndjson"
    event = {"event_id": "e", "user_id": "u-1", "type": "page_view", "ts": NOON_MS}
    events.write_bytes(orjson.dumps(event))
    console = Console(file=io.StringIO(), width=200)
    code = try_rule(replace(TryOptions(rule, events, DEFAULT_KEEP, "UTC"), **options), NOON_MS, console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def future(tmp_path: Path, rule: str, **options: Any) -> list[list[int]]:
    code, printed = tried(tmp_path, rule, as_json=True, **options)
    assert code == 0
    return [[each["since"], each["until"]] for each in orjson.loads(printed)["users"][0]["future"]]


def test_a_rule_is_tried_with_the_newest_snapshot(tmp_path: Path, models: Path, trained: Path) -> None:
    assert future(tmp_path, IN_C2, models=models, trained=trained) == [[NOON_MS + 7 * DAY_MS, None]]
    assert future(tmp_path, f"not {IN_C2}", models=models, trained=trained) == [[NOON_MS, NOON_MS + 7 * DAY_MS]]


def test_so_are_the_segments_that_it_names(tmp_path: Path, models: Path, trained: Path) -> None:
    segments = tmp_path / "segments.yaml"
    segments.write_text(f"segments: {{gone: {{name: Gone, rule: '{IN_C2}'}}}}")
    options = {"models": models, "trained": trained, "segments": segments}
    assert future(tmp_path, 'segment("gone")', **options) == [[NOON_MS + 7 * DAY_MS, None]]


def test_a_model_that_was_not_trained_says_nothing_and_that_is_said(
    tmp_path: Path, models: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert future(tmp_path, IN_C2, models=models) == []
    assert "the model people says nothing" in capsys.readouterr().err
    assert future(tmp_path, 'rfm("money", "r") != 5', models=models, trained=trained) == [[NOON_MS, None]]
    assert "the model money says nothing" in capsys.readouterr().err


def test_nor_does_one_that_was_trained_for_another_definition(
    tmp_path: Path, models: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = {"models": {"people": {**PEOPLE, "among": "others"}}}
    models.write_bytes(orjson.dumps(edited))
    assert future(tmp_path, IN_C2, models=models, trained=trained) == []
    assert "the model people says nothing" in capsys.readouterr().err


def test_without_models_a_rule_may_name_none(tmp_path: Path) -> None:
    code, printed = tried(tmp_path, IN_C2)
    assert code == 1
    assert "no model is defined here yet" in printed


def test_a_damaged_snapshot_is_named(tmp_path: Path, models: Path, trained: Path) -> None:
    (trained / "people" / "10.json").write_bytes(b"{}")
    with pytest.raises(BadModelsFile, match=r"people/10\.json"):
        tried(tmp_path, IN_C2, models=models, trained=trained)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [({"kind": "cluster"}, "people"), ({**PEOPLE, "features": {"odd": "trait(1)"}}, "feature odd")],
)
def test_a_wrong_model_is_named(tmp_path: Path, models: Path, model: Any, complaint: str) -> None:
    models.write_bytes(orjson.dumps({"models": {"people": model}}))
    with pytest.raises(BadModelsFile, match=complaint):
        tried(tmp_path, IN_C2, models=models)


def test_a_file_of_segments_is_checked_with_the_models_that_there_are(tmp_path: Path, models: Path) -> None:
    segments = tmp_path / "segments.yaml"
    segments.write_text(
        f"""segments:
  fine: {{name: Fine, rule: '{IN_C2}'}}
  uses: {{name: Uses, rule: 'segment("fine") and score("people") > 0.5'}}
  odd: {{name: Odd, rule: 'cluster("people") == "Readers"'}}
"""
    )
    console = Console(file=io.StringIO(), width=200)
    assert check_file(segments, DEFAULT_KEEP, console, models) == 1
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert "3 checked: 1 with errors, 1 with warnings" in printed
    assert "people, which is of the kind cluster" in printed
    assert "a cluster's id is such as c3" in printed
    assert check_file(segments, DEFAULT_KEEP, Console(file=io.StringIO())) == 1
