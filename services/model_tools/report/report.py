"""`tranche models report`: tables on the terminal, a page beside what was trained, pictures where they are wanted."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from services.model_tools.folder import ModelFolder, model_folders
from services.model_tools.report.chapters.anomalies import anomalies_chapter
from services.model_tools.report.chapters.clusters import clusters_chapter
from services.model_tools.report.chapters.frame import framed
from services.model_tools.report.chapters.ranks import ranks_chapter
from services.model_tools.report.chapters.scores import scores_chapter
from services.model_tools.report.drawing import as_png
from services.model_tools.report.look import Look
from services.model_tools.report.page import page
from services.model_tools.report.parts import Chapter
from services.model_tools.report.terminal import show_chapter
from services.runtime.errors import OperatorError
from services.segmentation.models.snapshots import Classes, Clusters, Linear, Trees
from services.segmentation.training.port import FEWEST

PAGE = "report.html"


class CannotWrite(OperatorError):
    """A folder does not take the report; the message says which and why."""


def report(path: Path, png: Path | None, console: Console) -> None:
    """Of the models in a folder. Raises BadFolder and CannotWrite."""
    chapters = [_chapter(folder) for folder in model_folders(path)]
    for chapter in chapters:
        show_chapter(chapter, console)
    try:
        _write(path / PAGE, png, chapters)
    except OSError as error:
        raise CannotWrite(f"{error.filename}: {error.strerror}") from None
    console.print(f"\npictures: {path / PAGE}", markup=False, highlight=False, soft_wrap=True)
    if png is not None:
        console.print(f"and as files: {png}", markup=False, highlight=False, soft_wrap=True)


def _chapter(folder: ModelFolder) -> Chapter:
    tried, snapshots = folder.trial(), folder.snapshots()
    if not snapshots:
        return framed(tried, [f"Too few samples for a model: {FEWEST} is the least."])
    look = Look(tried, snapshots)
    match look.latest.body:
        case Clusters() as clusters:
            return clusters_chapter(look, clusters)
        case Linear() as linear:
            return scores_chapter(look, linear)
        case Trees() as trees:
            return anomalies_chapter(look, trees)
        case Classes() as classes:
            return ranks_chapter(look, classes)


def _write(html: Path, png: Path | None, chapters: Sequence[Chapter]) -> None:
    html.write_text(page(chapters), encoding="utf-8")
    if png is None:
        return
    png.mkdir(parents=True, exist_ok=True)
    for chapter in chapters:
        for picture in chapter.pictures:
            (png / f"{chapter.model}-{picture.name}.png").write_bytes(as_png(picture))
