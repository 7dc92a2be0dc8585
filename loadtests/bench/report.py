"""What a comparison tells: the same findings as text for the terminal, as JSON for machines and as one HTML file."""

import html
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.bench.figures import Finding, Verdict, short, times
from loadtests.bench.progress import say

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em}
table{border-collapse:collapse;margin:1em 0}th,td{border-bottom:1px solid #ccc;padding:.3em .8em;text-align:right}
th:first-child,td:first-child{text-align:left}.missed{color:#b00;font-weight:bold}"""


@dataclass(frozen=True)
class Table:
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Report:
    """`samples` holds the raw figures of every round, for whoever wants to compute something else."""

    title: str
    machine: Mapping[str, str]
    tables: list[Table] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: list[Mapping[str, Any]] = field(default_factory=list)

    def text(self) -> str:
        machine = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        tables = [_as_text(table) for table in self._all_tables()]
        notes = "\n".join(f"* {note}" for note in self.notes)
        return "\n\n".join([self.title, machine, *tables, notes])

    def json(self) -> str:
        document = {
            "title": self.title,
            "machine": self.machine,
            "budgets": [_as_object(finding) for finding in self.findings],
            "tables": [{"title": each.title, "headers": each.headers, "rows": each.rows} for each in self.tables],
            "notes": self.notes,
            "samples": self.samples,
        }
        return json.dumps(_finite(document), indent=1, allow_nan=False)

    def html(self) -> str:
        title = html.escape(self.title)
        machine = html.escape(", ".join(f"{name}: {value}" for name, value in self.machine.items()))
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        body = "".join(map(_as_html, self._all_tables()))
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
            f"<h1>{title}</h1><p>{machine}</p>{body}<ul>{notes}</ul></html>\n"
        )

    def write(self, folder: Path, name: str) -> None:
        """Write `NAME.json` and `NAME.html` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(self.json())
        (folder / f"{name}.html").write_text(self.html())

    def _all_tables(self) -> list[Table]:
        return [*self.tables, budget_table(self.findings)] if self.findings else self.tables


def publish(report: Report, folder: Path, name: str) -> None:
    """Print it, and leave its JSON and HTML in the folder."""
    report.write(folder, name)
    sys.stdout.write(f"\n{report.text()}\n\n")
    say(f"written: {folder / name}.json, {folder / name}.html")


def budget_table(findings: Sequence[Finding]) -> Table:
    rows = [
        [
            finding.budget.what,
            _bound(finding, finding.budget.must),
            "" if finding.budget.goal is None else _bound(finding, finding.budget.goal),
            times(finding.spread.middle),
            f"{short(finding.spread.low)} - {short(finding.spread.high)}",
            finding.verdict.value,
        ]
        for finding in findings
    ]
    return Table("Budgets", ["ratio of", "must", "goal", "measured", "rounds", "verdict"], rows)


def _bound(finding: Finding, bound: float) -> str:
    return f"{'>=' if finding.budget.more_is_better else '<='} {bound:g}x"


def _as_object(finding: Finding) -> dict[str, Any]:
    budget = finding.budget
    return {
        "what": budget.what,
        "must": budget.must,
        "goal": budget.goal,
        "more_is_better": budget.more_is_better,
        "measured": finding.spread.middle,
        "rounds": list(finding.ratios),
        "verdict": finding.verdict.value,
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity: what never came to an end is null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
    return value


def _as_text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.headers, *table.rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) if index else cell.ljust(width) for index, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in (table.headers, *table.rows))
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([table.title, *(line.rstrip() for line in lines)])


def _as_html(table: Table) -> str:
    head = "".join(f"<th>{html.escape(header)}" for header in table.headers)
    rows = "".join(f"<tr>{''.join(map(_as_cell, row))}" for row in table.rows)
    return f"<h2>{html.escape(table.title)}</h2><table><tr>{head}{rows}</table>"


def _as_cell(text: str) -> str:
    return f"<td class=missed>{text}" if text == Verdict.MISSED else f"<td>{html.escape(text)}"
