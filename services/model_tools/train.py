"""`tranche models train`: reads a recording, has models learn from it, and leaves what they have become in a folder.

What is at hand grows with the users of the recording and never with its events.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console

from services.model_tools.folder import ModelFolder
from services.model_tools.in_order import Rows, in_order
from services.model_tools.lesson import Lesson
from services.model_tools.named_segments import NamedSegments
from services.model_tools.people import People
from services.model_tools.preparing import CannotTrain, TrainOptions, catalog_for, chosen, study_of
from services.model_tools.progress import Far, shown
from services.model_tools.tried import Recorded
from services.replay.reader import BadRow, Row
from services.replay.source import RecordedLog, Source, simulated
from services.segmentation.keep import KeepList
from services.segmentation.time_zones import TimeZones


def train(options: TrainOptions, now_ms: int, console: Console) -> None:
    """Train models, and leave in `out` what they have become. Raises OperatorError."""
    try:
        _train(options, now_ms, console)
    except OSError as error:
        raise CannotTrain(f"{error.filename or options.out}: {error.strerror or error}") from None


def _train(options: TrainOptions, now_ms: int, console: Console) -> None:
    keep = KeepList.parse(options.keep)
    definitions = chosen(options)
    named = NamedSegments.of(catalog_for(options, definitions, keep), definitions.values())
    folders = {name: ModelFolder(options.out / name) for name in definitions}
    studies = [study_of(options, name, definitions[name], keep, folder) for name, folder in folders.items()]
    people, rows = People(keep), Rows()
    lesson = Lesson(studies, people, named, TimeZones.parse(options.time_zones), console)
    with _source(options.log, now_ms) as source, in_order(_reading(source, rows, console), rows, now_ms) as events:
        _tell_of_bad_rows(rows, console)
        if not rows.events:
            raise CannotTrain(f"{source.name}: no event to learn from")
        for folder in folders.values():
            folder.clear()
        lesson.hear(events, rows.events)
        lesson.look_back()
    recorded = _recorded(source.name, rows, len(people))
    for study in studies:
        folders[study.model_id].put_trial(study.finish(recorded))
        folders[study.model_id].put_state(study.state())


def _source(log: RecordedLog | None, now_ms: int) -> AbstractContextManager[Source]:
    return nullcontext(simulated(now_ms)) if log is None else log.open()


def _reading(source: Source, rows: Rows, console: Console) -> Iterator[Row | BadRow]:
    return shown(console, "reading", source.rows, lambda: Far(source.fraction_done(), f"{rows.events:,} events"))


def _recorded(name: str, rows: Rows, users: int) -> Recorded:
    return Recorded(
        name=name,
        events=rows.events,
        bad_rows=rows.bad_rows,
        users=users,
        first_ms=rows.first_ms,
        latest_ms=rows.latest_ms,
    )


def _tell_of_bad_rows(rows: Rows, console: Console) -> None:
    lines = [f"left out, for they hold no event: {rows.bad_rows:,} rows", *(f"  {each}" for each in rows.complaints)]
    for line in lines if rows.bad_rows else ():
        console.print(line, markup=False, highlight=False, soft_wrap=True, style="yellow")
