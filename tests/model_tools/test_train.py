"""`tranche models train`: a recording goes in, models come out, and what they say fits what was planted."""

import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from services.model_tools.folder import STATE, BadFolder, ModelFolder, model_folders
from services.model_tools.preparing import CannotTrain, TrainOptions
from services.model_tools.train import train
from services.replay.reader import WrongFormat
from services.replay.source import RecordedLog
from services.runtime.models_file import BadModelsFile
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Activity, Outcome, Sample, Told, is_due, pseudonym
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training import opening
from services.segmentation.training.port import Training
from tests.model_tools.recordings import HOUR_MS, MODELS, SEGMENTS, START_MS, visits, write

NOW_MS = START_MS * 2
USERS = 60


def options(folder: Path, models: str = MODELS, **changes: Any) -> TrainOptions:
    (folder / "models.yaml").write_text(models)
    (folder / "segments.yaml").write_text(SEGMENTS)
    given: dict[str, Any] = {"segments": folder / "segments.yaml", "log": RecordedLog(folder / "log", "tranche")}
    return TrainOptions(folder / "models.yaml", folder / "out", DEFAULT_KEEP, "UTC", **{**given, **changes})


def trained(wanted: TrainOptions) -> str:
    """What was printed."""
    console = Console(file=io.StringIO(), width=100)
    train(wanted, NOW_MS, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained")
    write(path / "log", visits(USERS))
    trained(options(path))
    return path


@pytest.fixture(scope="module")
def folders(folder: Path) -> Mapping[str, ModelFolder]:
    return {each.path.name: each for each in model_folders(folder / "out")}


def test_every_model_is_there_with_all_its_versions(folders: Mapping[str, ModelFolder]) -> None:
    assert set(folders) == {"sorts", "ranks", "like-buyers", "soon", "odd"}
    for name, each in folders.items():
        snapshots = each.snapshots()
        assert [snapshot.version for snapshot in snapshots] == list(range(1, len(snapshots) + 1))
        assert len(snapshots) >= 2, name
        assert {snapshot.model for snapshot in snapshots} == {name}
        assert each.trial().recorded.users == USERS


def test_the_groups_are_those_that_were_planted(folders: Mapping[str, ModelFolder]) -> None:
    latest = folders["sorts"].snapshots()[-1]
    assert isinstance(latest.body, Clusters)
    said = Counter(predict(latest, vector) for vector in folders["sorts"].trial().vectors)
    assert sorted(said.values()) == [USERS // 3] * 3


def test_the_latest_sample_of_everybody_is_kept_with_its_moment(folders: Mapping[str, ModelFolder]) -> None:
    latest = {row["user_id"]: row["ts"] for row in visits(USERS)}
    for name in ("sorts", "ranks"):
        trial = folders[name].trial()
        assert sorted(trial.sampled_ms) == sorted(latest.values())
        assert len(trial.vectors) == USERS
    bought = {row["user_id"]: row["ts"] for row in visits(USERS) if row["type"] == "purchase"}
    trial = folders["ranks"].trial()
    last_bought = {
        at_ms - each[0] for at_ms, each in zip(trial.sampled_ms, trial.vectors, strict=True) if each[0] is not None
    }
    assert last_bought == {*bought.values()}


def test_who_is_like_the_seed_scores_higher(folders: Mapping[str, ModelFolder]) -> None:
    latest = folders["like-buyers"].snapshots()[-1]
    shopper, reader = predict(latest, (1.4, 0.0, 0.0)), predict(latest, (0.0, 1.9, 0.0))
    assert isinstance(shopper, float)
    assert isinstance(reader, float)
    assert shopper > reader


@pytest.mark.parametrize("model", ["like-buyers", "soon"])
def test_what_was_foretold_of_users_is_judged(folders: Mapping[str, ModelFolder], model: str) -> None:
    assert {each.was_true for each in folders[model].trial().judged} == {True, False}
    assert not folders["sorts"].trial().judged


def test_the_sample_that_makes_a_snapshot_is_not_judged_by_it(folders: Mapping[str, ModelFolder]) -> None:
    each = folders["like-buyers"]
    assert len(each.trial().judged) == each.trial().samples - each.snapshots()[0].samples


def test_users_are_told_of_by_their_features_alone(folder: Path) -> None:
    for file in (folder / "out").rglob("*.json"):
        assert b"visitor-" not in file.read_bytes(), file


def test_a_user_is_sampled_as_where_a_model_is_live_and_at_the_very_last(folders: Mapping[str, ModelFolder]) -> None:
    known, sampled = dict[str, Activity](), set[tuple[str, int]]()
    for row in visits(USERS):
        user, before = row["user_id"], known.get(row["user_id"])
        known[user] = Activity(row["ts"], before.events + 1 if before else 1)
        if is_due(pseudonym("default", user), before, known[user], 6 * HOUR_MS):
            sampled.add((user, row["ts"]))
    last = {(user, each.latest_ms) for user, each in known.items()}
    assert not sampled.issuperset(last)
    assert folders["sorts"].trial().samples == len(sampled | last)


def test_who_was_there_but_once_is_sampled_but_once(tmp_path: Path) -> None:
    write(tmp_path / "log", {str(row["user_id"]): row for row in visits(USERS)}.values())
    trained(options(tmp_path, only=("sorts",)))
    assert ModelFolder(tmp_path / "out" / "sorts").trial().samples == USERS


def test_training_goes_on_from_its_state(folders: Mapping[str, ModelFolder]) -> None:
    each = folders["sorts"]
    definition, state = each.trial().definition, orjson.loads((each.path / STATE).read_bytes())
    training = opening.resume("sorts", definition, state)
    training.learn(Sample(1, START_MS * 2, (1.0, 1.0, 1.0)))
    assert training.samples == each.trial().samples + 1
    snapshot = training.publish()
    assert snapshot is not None
    assert snapshot.version == each.snapshots()[-1].version + 1


def test_an_unsorted_recording_with_repeats_gives_the_same(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path / "log",
        sorted([*visits(USERS), *list(visits(USERS))[::3]], key=lambda row: str(row["event_id"])[::-1]),
    )
    trained(options(tmp_path, only=("sorts",)))
    assert ModelFolder(tmp_path / "out" / "sorts").snapshots() == ModelFolder(folder / "out" / "sorts").snapshots()


def test_one_learns_among_the_users_of_a_segment(tmp_path: Path) -> None:
    write(tmp_path / "log", visits(USERS))
    trained(options(tmp_path, MODELS.replace("kind: cluster", "kind: cluster\n    among: buyers"), only=("sorts",)))
    tried = ModelFolder(tmp_path / "out" / "sorts").trial()
    assert tried.vectors
    assert all(bought for _, _, bought in tried.vectors)
    assert len(tried.vectors) == USERS // 3


def test_bad_rows_are_told_of_and_never_fatal(tmp_path: Path) -> None:
    write(tmp_path / "log", [{"event_id": "x"}, *visits(30), {"event_id": "e", "user_id": "u", "type": "view"}])
    printed = trained(options(tmp_path, only=("sorts",)))
    assert "left out, for they hold no event: 2 rows" in printed
    assert "line 1: " in printed
    assert ModelFolder(tmp_path / "out" / "sorts").trial().recorded.bad_rows == 2


def test_too_few_samples_leave_no_snapshot(tmp_path: Path) -> None:
    write(tmp_path / "log", list(visits(3, days=1))[:9])
    trained(options(tmp_path, only=("sorts",)))
    assert ModelFolder(tmp_path / "out" / "sorts").snapshots() == []


def test_what_was_trained_before_goes_when_a_model_is_trained_anew_and_not_sooner(tmp_path: Path) -> None:
    write(tmp_path / "log", visits(USERS))
    trained(options(tmp_path, only=("sorts",)))
    each = ModelFolder(tmp_path / "out" / "sorts")
    before = each.snapshots()
    with pytest.raises(WrongFormat):
        trained(options(tmp_path, log=RecordedLog(tmp_path / "log", "rees46"), only=("sorts",)))
    assert each.snapshots() == before
    (tmp_path / "out" / "sorts" / "notes.txt").write_text("mine")
    write(tmp_path / "log", visits(20))
    trained(options(tmp_path, only=("sorts",)))
    assert 0 < len(each.snapshots()) < len(before)
    assert (tmp_path / "out" / "sorts" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"segments": None}, "model like-buyers: seed: there is no segment buyers; --segments names the file"),
        ({"only": ("nobody",)}, "--model: .* has no nobody; it has sorts, ranks"),
    ],
)
def test_what_does_not_fit_together_is_told_before_anything_is_read(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(CannotTrain, match=told):
        trained(options(tmp_path, **changes))


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ("models: {m: {name: M, kind: cluster, features: {a: nonsense()}}}", "model m: feature a: .*models check"),
        ("models: {m: {name: M, kind: cluster, estimator: X, features: {a: tenure()}}}", "model m: .*models check"),
        ("models: {m: {name: M}}", "line 1: model m: kind: missing"),
    ],
)
def test_a_wrong_definition_is_refused_with_the_command_that_shows_the_place(
    tmp_path: Path, models: str, told: str
) -> None:
    with pytest.raises(BadModelsFile, match=told):
        trained(options(tmp_path, models))


def test_a_recording_without_events_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "log", [])
    with pytest.raises(CannotTrain, match="no event to learn from"):
        trained(options(tmp_path))


def test_nobody_learns_from_a_recording_among_users_whom_only_a_live_model_knows(tmp_path: Path) -> None:
    write(tmp_path / "log", visits(3))
    wanted = options(tmp_path, MODELS.replace("kind: cluster", "kind: cluster\n    among: alike"), only=("sorts",))
    assert wanted.segments is not None
    rules = {"buyers": 'count("purchase") >= 1', "alike": 'score("like-buyers") > 0.5'}
    wanted.segments.write_bytes(
        orjson.dumps({"segments": {name: {"name": name, "rule": rule} for name, rule in rules.items()}})
    )
    with pytest.raises(CannotTrain, match="depends on the model like-buyers"):
        trained(wanted)
    trained(replace(wanted, only=("like-buyers",)))


def test_a_folder_without_models_and_damaged_files_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match="no trained model here"):
        model_folders(tmp_path)
    (tmp_path / "trial.json").write_text("{}")
    (tmp_path / "1.json").write_text("{}")
    (each,) = model_folders(tmp_path)
    with pytest.raises(BadFolder, match=r"trial\.json is not as"):
        each.trial()
    with pytest.raises(BadFolder, match=r"1\.json is not as"):
        each.snapshots()


def test_versions_come_in_the_order_of_their_numbers(folders: Mapping[str, ModelFolder], tmp_path: Path) -> None:
    (first, *_), each = folders["odd"].snapshots(), ModelFolder(tmp_path)
    for version in (10, 9, 100, 2):
        each.put_snapshot(replace(first, version=version))
    assert [snapshot.version for snapshot in each.snapshots()] == [2, 9, 10, 100]


def test_a_file_is_there_as_a_whole_or_as_it_was(
    folders: Mapping[str, ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each, (first, *_) = ModelFolder(tmp_path), folders["odd"].snapshots()
    each.put_snapshot(first)
    monkeypatch.setattr(Path, "replace", _cut_off)
    with pytest.raises(KeyboardInterrupt):
        each.put_snapshot(replace(first, samples=first.samples + 1))
    assert each.snapshots() == [first]


def test_all_is_told_in_order_of_time_and_the_users_seen_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Told] = []
    begin = opening.begin

    def overheard(*args: Any) -> Training:
        training = begin(*args)
        monkeypatch.setattr(training, "learn", _noting(told, training.learn))
        return training

    monkeypatch.setattr(opening, "begin", overheard)
    monkeypatch.setattr("services.model_tools.study.MOST_USERS", 10)
    write(tmp_path / "log", visits(USERS, days=2))
    trained(options(tmp_path, only=("soon",)))
    purchases = [row for row in visits(USERS, days=2) if row["type"] == "purchase"]
    assert [each.at_ms for each in told if isinstance(each, Outcome)] == [row["ts"] for row in purchases]
    assert [each.at_ms for each in told] == sorted(each.at_ms for each in told)
    latest = {each.user: each for each in told if isinstance(each, Sample)}
    last = sorted(latest.values(), key=told.index)[-10:]
    assert ModelFolder(tmp_path / "out" / "soon").trial().vectors == tuple(each.features for each in last)


def _cut_off(_: Path, __: Path) -> Path:
    raise KeyboardInterrupt


def _noting(told: list[Told], learn: Callable[[Told], None]) -> Callable[[Told], None]:
    def noted(each: Told) -> None:
        told.append(each)
        learn(each)

    return noted
