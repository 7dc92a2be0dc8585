"""The tables of a report on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed
from rich.text import Text

from services.model_tools.report.parts import Chapter, Table


def show_chapter(chapter: Chapter, console: Console) -> None:
    console.print(Text(f"\n{chapter.title} ({chapter.model})", style="bold"))
    for line in (chapter.summary, chapter.learned_from, *chapter.remarks):
        console.print(Text(line), soft_wrap=True)
    for table in chapter.tables:
        if table.rows:
            console.print(_printed(table))


def _printed(table: Table) -> Printed:
    printed = Printed(title=escape(table.caption), title_justify="left")
    for number, column in enumerate(table.columns):
        printed.add_column(escape(column), justify="left" if number < table.text_columns else "right")
    for row in table.rows:
        printed.add_row(*map(escape, row))
    return printed
