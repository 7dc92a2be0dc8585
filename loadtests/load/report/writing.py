"""Puts a report into a folder, and reads one back."""

import json
from pathlib import Path

from loadtests.load.control.errors import CannotRun
from loadtests.load.report.document import FORMAT, Document
from loadtests.load.report.page import page

JSON, HTML = "report.json", "report.html"


def write_report(told: Document, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (folder / HTML).write_text(page(told))


def read_report(path: Path) -> Document:
    """From the JSON file, or the folder that it is in. Raises CannotRun where it is none of ours."""
    file = path / JSON if path.is_dir() else path
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CannotRun(f"{file}: {error}") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise CannotRun(f"{file} is no report of this version (format {FORMAT})")
    return dict(told)
