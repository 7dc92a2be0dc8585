"""The report as one HTML page that needs nothing beside itself: it can be mailed, archived and read offline."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from loadtests.load.measured.outcomes import GOOD
from loadtests.load.measured.prometheus import WORK
from loadtests.load.report.charts import figure
from loadtests.load.report.document import Document
from loadtests.load.report.stage_charts import charts

_STYLE = Path(__file__).with_name("page.css")
_SIGNS = {"ok": "✔ OK", "broken": "✘ BROKEN", "invalid": "⚠ INVALID"}
_TIMES = ("p50_ms", "p99_ms", "p999_ms", "max_ms")
_COMPARED = (
    *("lookup.p99_ms", "event.p99_ms", "batch.p99_ms", "freshness.p50_ms", "freshness.p99_ms", "lag.end_records"),
    *("cpu.api_s_per_1000", "cpu.worker_s_per_1000"),
)
_NO_VALUE = "-"


def page(told: Document) -> str:
    body = [_head(told), *(_stage(stage, len(told["stages"]) > 1) for stage in told["stages"]), _options(told)]
    style = _STYLE.read_text()
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(told['title'])}: {told['verdict']}</title><style>{style}</style></head>"
    )
    return f"{head}<body>{''.join(body)}</body></html>\n"


def _head(told: Document) -> str:
    lines = list(told["conclusion"])
    if len(told["stages"]) == 1:
        stage = told["stages"][0]
        lines += [*stage["invalid"], *map(_broken, _broken_of(stage)), *stage["notes"]]
    title = f"<h1>{escape(told['title'])}</h1><p class=dim>{escape(told['begun'])} to {escape(told['ended'])}</p>"
    says = f"<b>{_SIGNS[told['verdict']]}: {escape(told['says'])}</b>{_list(lines)}"
    return f'{title}<div class="verdict {told["verdict"]}">{says}</div>{_overview(told)}'


def _broken_of(stage: Document) -> list[Document]:
    """What broke, where the run says anything."""
    return [] if stage["invalid"] else [each for each in stage["thresholds"] if each["verdict"] == "broken"]


def _broken(judged: Document) -> str:
    return (
        f"{judged['figure']} is {_number(judged['value'])}, and may be {_number(judged['limit'])} ({judged['bound']})"
    )


def _overview(told: Document) -> str:
    """Several stages beside each other."""
    if len(told["stages"]) == 1:
        return ""
    names = [name for name in _COMPARED if any(name in stage["figures"] for stage in told["stages"])]
    rows = [
        (stage["name"], _number(stage["rate"]), _mark(stage), *(_number(stage["figures"].get(name)) for name in names))
        for stage in told["stages"]
    ]
    return _table("Stages", ("stage", "rate", "verdict", *names), rows)


def _stage(stage: Document, is_one_of_many: bool) -> str:
    title = f"<h2>{escape(stage['name'])}: {_number(stage['rate'])} a second for {_number(stage['seconds'])} s</h2>"
    told = _list([*stage["invalid"], *stage["notes"]]) if is_one_of_many else ""
    tables = [_thresholds(stage), _totals(stage), _outcomes(stage), _cpu(stage)]
    drawn = "".join(figure(chart) for chart in charts(stage))
    return f'{title}{told}<div class="tables">{"".join(tables)}</div><div class="charts">{drawn}</div>'


def _thresholds(stage: Document) -> str:
    rows = [
        (each["figure"], f"{each['bound']} {each['limit']:g}", _number(each["value"]), _mark(each))
        for each in stage["thresholds"]
    ]
    return _table("Thresholds", ("figure", "limit", "measured", "verdict"), rows)


def _totals(stage: Document) -> str:
    figures = stage["figures"]
    columns = ("offered_per_s", "served_per_s", *_TIMES)
    rows = [
        (kind, *(_number(figures.get(f"{kind}.{column}")) for column in columns)) for kind in sorted(stage["outcomes"])
    ]
    names = ("offered/s", "served/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms")
    return _table("In total, without the warm-up", ("", *names), rows)


def _outcomes(stage: Document) -> str:
    rows = [
        (f"{kind}: {outcome}", f"{count:,}", f"{count / sum(outcomes.values()):.3%}", _sort(outcome))
        for kind, outcomes in sorted(stage["outcomes"].items())
        for outcome, count in sorted(outcomes.items(), key=lambda each: -each[1])
    ]
    return _table("What became of the requests", ("outcome", "number", "share", "is"), rows)


def _sort(outcome: str) -> str:
    if outcome in GOOD:
        return "good"
    return {"degraded": "degraded", "shed": "refused with 503"}.get(outcome, '<span class="broken">error</span>')


def _cpu(stage: Document) -> str:
    rows = [
        (
            role,
            *(_number(spent[name]) for name in ("cpu_s", "work", "per_thousand_s")),
            WORK[role][1],
            f"{spent['memory_bytes'] / 2**20:,.0f} MiB",
            _growth(spent.get("memory_growth_mb_per_h")),
        )
        for role, spent in sorted(stage["cpu"].items())
    ]
    names = ("service", "CPU s", "work done", "CPU s per 1,000", "of", "memory", "its growth")
    return _table("CPU, as the services' metrics tell", names, rows) if rows else ""


def _growth(mb_per_h: float | None) -> str:
    return "cannot be told" if mb_per_h is None else f"{mb_per_h:+,.1f} MB/h"


def _options(told: Document) -> str:
    rows = [(name, escape(str(value))) for name, value in told["options"].items() if value is not None]
    return f"<details><summary>How it was run</summary>{_table('Options', ('option', 'value'), rows)}</details>"


def _table(caption: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><caption>{caption}</caption><tr>{head}</tr>{body}</table></div>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _mark(told: Mapping[str, Any]) -> str:
    signs = {"ok": "✔ ok", "broken": "✘ broken", "invalid": "⚠ no verdict" if "figure" in told else "⚠ invalid"}
    return f'<span class="{told["verdict"]}">{signs[told["verdict"]]}</span>'


def _number(value: float | None) -> str:
    if value is None:
        return _NO_VALUE
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
