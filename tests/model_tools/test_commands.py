"""`tranche models …` as it is typed: train, look, and be told what to do where it cannot be done."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli import main
from tests.model_tools.recordings import MODELS, SEGMENTS, visits, write

TRAIN = ("train", "--models", "models.yaml", "--from", "log")


@pytest.fixture
def tranche(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command within the folder, and returns its exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["tranche", "models", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("typed")
    (path / "models.yaml").write_text(MODELS)
    (path / "segments.yaml").write_text(SEGMENTS)
    write(path / "log", visits(30))
    return path


def test_training_ends_with_the_report(
    folder: Path, tranche: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tranche(*TRAIN, "--model", "sorts") == 0
    assert "What sets them apart" in capsys.readouterr().out
    assert (folder / "trained-models" / "sorts" / "1.json").exists()
    assert (folder / "trained-models" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (TRAIN, "there is no segment buyers; --segments names the file"),
        ((*TRAIN, "--format", "x", "--model", "sorts"), "no format 'x'"),
        ((*TRAIN, "--model", "sorts", "--out", "/proc/no"), "/proc/no"),
        (("train", "--models", "segments.yaml", "--from", "log"), "expected one key, models"),
        (("report", "."), "no trained model here"),
    ],
)
def test_what_a_user_can_mend_is_told_in_a_line(
    tranche: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert tranche(*arguments) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("tranche: ")
    assert complaint.count("\n") == 1
    assert told in complaint


def test_a_limit_of_no_recording_is_refused(tranche: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert tranche("train", "--models", "models.yaml", "--limit", "9") == 2
    assert "--from" in capsys.readouterr().err


def test_checking_needs_no_drawing(folder: Path) -> None:
    code = "import sys; from services.model_tools.check import check_models; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0
