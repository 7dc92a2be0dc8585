"""The report as one HTML page that needs nothing beside itself: it can be mailed, archived and read offline."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from services.model_tools.report.drawing import as_svg
from services.model_tools.report.parts import Chapter, Picture, Table

_STYLE = Path(__file__).with_name("page.css")
_NOT_YET = (
    "Tried on a recording: nothing here is in force, and no live segment can name a model yet. "
    "Users of the recording appear without their ids."
)


def page(chapters: Sequence[Chapter]) -> str:
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Models</title><style>{_STYLE.read_text()}</style></head>"
    )
    links = "".join(f'<a href="#{escape(each.model)}">{escape(each.title)}</a>' for each in chapters)
    top = f"<h1>Models</h1><p class=dim>{_NOT_YET}</p><nav>{links}</nav>"
    return f"{head}<body>{top}{''.join(map(_chapter, chapters))}</body></html>\n"


def _chapter(chapter: Chapter) -> str:
    title = f'<h2 id="{escape(chapter.model)}">{escape(chapter.title)} <small>{escape(chapter.model)}</small></h2>'
    about = "".join(f"<p class=dim>{escape(each)}</p>" for each in (chapter.summary, chapter.learned_from))
    remarks = "".join(f"<li>{escape(each)}</li>" for each in chapter.remarks)
    parts = "".join(_table(part) if isinstance(part, Table) else _figure(part) for part in chapter.parts)
    return f'{title}{about}<ul>{remarks}</ul><div class="parts">{parts}</div>{_definition(chapter)}'


def _figure(picture: Picture) -> str:
    caption = f"<figcaption><b>{escape(picture.title)}</b><small>{escape(picture.note)}</small></figcaption>"
    return f"<figure>{caption}{as_svg(picture)}</figure>"


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    head = "".join(_cells("th", map(escape, table.columns), table))
    body = "".join(f"<tr>{''.join(_cells('td', row, table))}</tr>" for row in _rows(table))
    return f'<div class="scroll"><table><caption>{escape(table.caption)}</caption><tr>{head}</tr>{body}</table></div>'


def _rows(table: Table) -> Iterable[list[str]]:
    for number, row in enumerate(table.rows):
        cells = list(map(escape, row))
        if table.colours:
            cells[0] = f'<span class="dot" style="color:{table.colours[number]}">{cells[0]}</span>'
        yield cells


def _cells(tag: str, cells: Iterable[str], table: Table) -> Iterable[str]:
    for column, cell in enumerate(cells):
        words = ' class="words"' if column < table.text_columns else ""
        yield f"<{tag}{words}>{cell}</{tag}>"


def _definition(chapter: Chapter) -> str:
    return f"<details><summary>Its definition</summary><pre>{escape(chapter.definition)}</pre></details>"
