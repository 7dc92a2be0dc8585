"""The report: one page that needs nothing beside itself, tables on the terminal, pictures as files."""

import io
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from services.model_tools.folder import ModelFolder
from services.model_tools.hindsight import Judged
from services.model_tools.preparing import TrainOptions
from services.model_tools.report.chapters.moving import row_shares
from services.model_tools.report.drawing import BACK, DIM, RULE, TEXT, as_png, as_svg
from services.model_tools.report.look import Look
from services.model_tools.report.parts import Picture
from services.model_tools.report.pictures.maps import Plane
from services.model_tools.report.report import report
from services.model_tools.train import train
from services.model_tools.tried import Tried
from services.replay.source import RecordedLog
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.models.snapshots import Move, Snapshot
from tests.model_tools.recordings import MODELS, SEGMENTS, START_MS, visits, write

PICTURES = {
    *("sorts-map", "sorts-traits", "sorts-course", "sorts-moves", "ranks-classes", "ranks-moves", "odd-map"),
    *("like-buyers-lift", "like-buyers-seed", "like-buyers-weights", "soon-lift", "soon-calibration", "soon-weights"),
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    (folder / "models.yaml").write_text(MODELS)
    (folder / "segments.yaml").write_text(SEGMENTS)
    log = RecordedLog(write(folder / "log", visits(60)), "tranche")
    options = TrainOptions(
        folder / "models.yaml", folder / "out", DEFAULT_KEEP, "UTC", log, segments=folder / "segments.yaml"
    )
    train(options, START_MS * 2, Console(file=io.StringIO()))
    return folder / "out"


def reported(folder: Path, png: Path | None = None) -> str:
    """What is printed."""
    console = Console(file=io.StringIO(), width=100)
    report(folder, png, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def printed(out: Path) -> str:
    return reported(out, out.parent / "png")


@pytest.fixture(scope="module")
def page(out: Path, printed: str) -> str:
    return (out / "report.html").read_text()


class Tags(HTMLParser):
    """Which elements are open, and which have been."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_has_every_picture(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen.count("svg") == len(PICTURES)
    assert tags.seen.count("h2") == 5


def test_the_page_needs_nothing_beside_itself(page: str) -> None:
    assert "<script" not in page
    links = re.findall(r"(?:src|href)\s*=\s*[\"']([^\"']*)", page)
    assert links
    assert all(link.startswith(("#", "data:image/png")) for link in links)
    assert not re.search(r"url\((?!#)", page)


def test_pictures_take_the_colours_of_the_page(page: str) -> None:
    assert "var(--text)" in page
    style, body = page.split("</style>", 1)
    assert all(colour in style or colour in (TEXT, DIM, RULE, BACK) for colour in (TEXT, DIM, RULE))
    assert not any(colour in body for colour in (TEXT, DIM, RULE, BACK))


def test_names_are_written_as_they_are(page: str, printed: str) -> None:
    assert "Sorts of [b]&lt;visitors&gt;[/b]" in page
    assert "<visitors>" not in page
    assert "Sorts of [b]<visitors>[/b]" in printed


def test_nobody_is_named(page: str, printed: str) -> None:
    assert "visitor-" not in page + printed


def test_the_page_says_that_nothing_is_in_force(page: str) -> None:
    assert "nothing here is in force" in page


def test_the_terminal_has_the_tables(printed: str) -> None:
    for caption in ("Groups", "What sets them apart", "What was said, and what was true", "What the classes mean"):
        assert caption in printed
    assert "Learned from" in printed


def test_pictures_are_there_as_files(out: Path, printed: str) -> None:
    files = {file.stem: file.read_bytes() for file in (out.parent / "png").iterdir()}
    assert set(files) == PICTURES
    assert all(data.startswith(b"\x89PNG") and len(data) > 5_000 for data in files.values())


def test_the_folder_of_one_model_is_reported_alone(out: Path) -> None:
    printed = reported(out / "odd")
    assert "Odd ones" in printed
    assert "Like buyers" not in printed
    assert (out / "odd" / "report.html").exists()


def test_a_score_that_is_too_good_is_suspicious(out: Path, tmp_path: Path) -> None:
    of, folder = ModelFolder(out / "like-buyers"), ModelFolder(tmp_path / "like-buyers")
    folder.clear()
    folder.put_snapshot(of.snapshots()[-1])
    perfect = [Judged(float(number % 2), number % 2 == 1) for number in range(1_000)]
    folder.put_trial(of.trial().model_copy(update={"judged": tuple(perfect)}))
    assert "That is too good" in reported(tmp_path)
    assert "That is too good" not in reported(out / "soon")


def test_features_that_say_nothing_are_told_of(page: str) -> None:
    assert "The feature newsletter" in page
    assert "is the same for everybody" in page


def test_without_a_snapshot_the_report_says_why(out: Path, tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "sorts")
    folder.clear()
    folder.put_trial(ModelFolder(out / "sorts").trial().model_copy(update={"samples": 3, "vectors": ()}))
    assert "Too few samples for a model" in reported(tmp_path)


@pytest.mark.parametrize("model", ["sorts", "ranks", "like-buyers", "soon", "odd"])
def test_a_model_of_one_version_and_hardly_any_user_can_be_looked_at(out: Path, tmp_path: Path, model: str) -> None:
    of = ModelFolder(out / model)
    folder = ModelFolder(tmp_path / model)
    folder.clear()
    folder.put_snapshot(of.snapshots()[0])
    first = {"vectors": of.trial().vectors[:1], "sampled_ms": of.trial().sampled_ms[:1]}
    folder.put_trial(of.trial().model_copy(update={**first, "judged": ()}))
    reported(tmp_path, tmp_path / "png")
    folder.put_trial(of.trial().model_copy(update={"vectors": (), "sampled_ms": (), "judged": of.trial().judged[:1]}))
    reported(tmp_path, tmp_path / "png")


def test_what_the_report_shows_of_a_user_is_what_the_snapshot_says(out: Path) -> None:
    folder = ModelFolder(out / "sorts")
    tried: Tried = folder.trial()
    snapshots: Sequence[Snapshot] = folder.snapshots()
    look = Look(tried, snapshots)
    assert look.scaled.shape == (len(tried.vectors), 3)
    assert tuple(look.scaled[7]) == snapshots[-1].scale.scaled(tried.vectors[7])


def test_the_plane_is_the_one_on_which_points_differ_most() -> None:
    random = np.random.default_rng(1)
    far, near, nothing = random.normal(0, 9, 500), random.normal(0, 3, 500), random.normal(0, 0.1, 500)
    plane = Plane.of(np.array([nothing, near, far]).T, ["nothing", "near", "far"])
    assert plane.sides == ["", "far", "", "near"]
    assert plane.explained > 0.99
    assert np.corrcoef(plane.points[:, 0], far)[0, 1] > 0.99


def test_a_side_is_named_after_the_strongest_features_first() -> None:
    x = np.linspace(-1, 1, 50)
    plane = Plane.of(np.array([5 * x, 9 * x, -3 * x, 0.1 * x]).T, ["second", "first", "against", "hardly"])
    assert plane.sides[:2] == ["against", "first, second"]


@pytest.mark.parametrize("points", [np.zeros((1, 1)), np.zeros((5, 3)), np.arange(4.0).reshape(4, 1)])
def test_a_plane_can_be_of_points_that_hardly_differ(points: "np.typing.NDArray[np.float64]") -> None:
    plane = Plane.of(points, [f"f{number}" for number in range(points.shape[1])])
    assert np.isfinite(plane.points).all()
    assert 0 <= plane.explained <= 1


def test_rows_of_moves_sum_up_to_one_where_there_are_any() -> None:
    moves = [Move(1, "a", "a", 3), Move(1, "a", "b", 1), Move(2, "a", "b", 4), Move(2, "gone", "a", 9)]
    parts = row_shares(moves, ["a", "b"])
    assert parts[0].tolist() == [3 / 8, 5 / 8]
    assert np.isnan(parts[1]).all()


def test_the_same_picture_is_the_same_text() -> None:
    draw: Callable[..., None] = lambda figure: figure.add_subplot().plot([1, 2, 3])  # noqa: E731
    picture = Picture("name", "Title", "Note", draw)
    assert as_svg(picture) == as_svg(picture)
    assert as_png(picture) == as_png(picture)
