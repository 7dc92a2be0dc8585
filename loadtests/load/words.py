"""What the terminal says when a run is over."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadtests.load.report.document import Document
from loadtests.load.report.writing import HTML, JSON

_STYLES = {"ok": "green", "broken": "red", "invalid": "yellow"}


def summary(told: Document, folder: Path, console: Console) -> None:
    stages = told["stages"]
    console.print(_thresholds(stages[0]) if len(stages) == 1 else _steps(stages))
    for stage in stages:
        said = stage["name"] + ": " if len(stages) > 1 else ""
        for line in (*stage["invalid"], *stage["notes"]):
            console.print(f"  • {escape(said + line)}", soft_wrap=True)
    for line in told["conclusion"]:
        console.print(escape(line), soft_wrap=True)
    verdict = told["verdict"]
    console.print(f"[bold {_STYLES[verdict]}]{verdict.upper()}: {escape(told['says'])}", soft_wrap=True)
    console.print(f"{folder / HTML}\n{folder / JSON}", soft_wrap=True)


def stage_line(stage: Any) -> str:
    """One stage of several, when it is over."""
    broken = [each.limit.figure for each in stage.judged if each.verdict == "broken"]
    return f"{stage.rate:,.0f}/s: {stage.verdict}{' (' + ', '.join(broken) + ')' if broken else ''}"


def _steps(stages: Sequence[Document]) -> Table:
    """A line for each, with what broke; the report tells all thresholds of each."""
    table = Table("", "a second", "verdict", "what broke: measured, limit")
    for stage in stages:
        broken = [each for each in stage["thresholds"] if each["verdict"] == "broken"]
        told = ", ".join(f"{each['figure']}: {each['value']:.4g}, {each['bound']} {each['limit']:g}" for each in broken)
        verdict = stage["verdict"]
        table.add_row(stage["name"], f"{stage['rate']:,.0f}", f"[{_STYLES[verdict]}]{verdict}", escape(told))
    return table


def _thresholds(stage: Document) -> Table:
    title = f"{stage['name']}, {stage['rate']:,.0f}/s for {stage['seconds']:g} s"
    table = Table("figure", "limit", "measured", "", title=title, title_justify="left")
    for each in stage["thresholds"]:
        value = "not measured" if each["value"] is None else f"{each['value']:.4g}"
        verdict = "no verdict" if each["verdict"] == "invalid" else each["verdict"]
        table.add_row(
            each["figure"], f"{each['bound']} {each['limit']:g}", value, f"[{_STYLES[each['verdict']]}]{verdict}"
        )
    return table
