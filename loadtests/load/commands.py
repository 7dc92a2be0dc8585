"""What the commands do, from options to an exit code."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtests.load.control.gathering import few_probes
from loadtests.load.control.interruption import STOPPED, interruptible
from loadtests.load.control.options import Options
from loadtests.load.control.peak import Search, find_peak
from loadtests.load.control.progress import Progress
from loadtests.load.control.session import Session, session
from loadtests.load.live import shown
from loadtests.load.measured.thresholds import Limit, Verdict, applicable, read_thresholds
from loadtests.load.report.document import Document, Stage, concluded, document, stage_of
from loadtests.load.report.writing import write_report
from loadtests.load.words import stage_line, summary

PARTS_OF_PEAK = (50, 90)
STEPS_LONG = 6
"""So many times as long as a step is what comes after the search: a p99 of freshness takes probes."""
Work = Callable[[Session, "Run"], Awaitable[Document]]


class Run:
    """One call of the tool. `out` is the folder of its reports."""

    def __init__(self, options: Options, out: Path, console: Console) -> None:
        self.options, self._out, self._console = options, out, console
        self.begun = datetime.now(UTC)
        self.progress = Progress()

    def limits(self, *more: str) -> list[Limit]:
        told = read_thresholds(self.options.thresholds, self.options.scenario, *more)
        return applicable(told, self.options.parts)

    def do(self, work: Work) -> int:
        """The exit code. Raises CannotRun, BadThresholds, and CancelledError where it was stopped without a report."""
        self.limits()  # to know before the run that they can be read
        try:
            told = asyncio.run(self._do(work))
        finally:
            for warning in self.progress.warnings:
                self._console.print(warning, style="yellow", markup=False, soft_wrap=True)
        write_report(told, self._out)
        summary(told, self._out, self._console)
        return STOPPED if _stopped(self) else Verdict(told["verdict"]).exit_code

    async def _do(self, work: Work) -> Document:
        async with (
            interruptible(self.progress),
            shown(self.progress, self._console),
            session(self.options, self.progress) as opened,
        ):
            return await work(opened, self)

    async def stage(self, opened: Session, name: str, rate: float, seconds: float, *more: str) -> Stage:
        stage = stage_of(name, rate, await opened.stage(rate, seconds), self.limits(*more))
        self.progress.stages.append(stage_line(stage))
        return stage

    def document(self, what: str, stages: Sequence[Stage]) -> Document:
        return document(f"{what}: {self.options.scenario}", self.begun, self.options.as_json(), stages)


async def once(opened: Session, run: Run) -> Document:
    """One stage, as the options say."""
    stage = await run.stage(opened, run.options.scenario, run.options.rate, run.options.seconds)
    stage.measured.notes += few_probes(stage.measured)
    return run.document("Load test", [stage])


def peak(factor: float) -> Work:
    """Steps until something breaks."""

    async def work(opened: Session, run: Run) -> Document:
        search = await _search(opened, run, factor)
        return concluded(run.document("Peak", search.stages), search.verdict, search.conclusion)

    return work


def freshness(known_peak: float | None, factor: float) -> Work:
    """Runs at parts of the peak, which is looked for where it is not known."""

    async def work(opened: Session, run: Run) -> Document:
        search = Search(held=known_peak) if known_peak else await _search(opened, run, factor)
        if search.held is None:
            return concluded(run.document("Freshness", search.stages), search.verdict, search.conclusion)
        stages = [stage for part in PARTS_OF_PEAK if (stage := await _at_part(opened, run, search.held, part))]
        if not stages:
            told = run.document("Freshness", search.stages)
            return concluded(told, Verdict.INVALID, f"freshness was not measured; {search.conclusion}")
        told = run.document("Freshness", stages)
        lines = [] if known_peak else [search.conclusion]
        return concluded(
            told, Verdict(told["verdict"]), told["says"], [*lines, *(freshness_line(stage) for stage in stages)]
        )

    return work


async def _search(opened: Session, run: Run, factor: float) -> Search:
    async def try_rate(rate: float) -> Stage:
        step = f"step {len(run.progress.stages) + 1}"
        stage = await run.stage(opened, step, rate, run.options.seconds)
        await opened.catch_up()
        return stage

    return await find_peak(try_rate, run.options.rate, factor, lambda: _stopped(run))


async def _at_part(opened: Session, run: Run, held: float, part: int) -> Stage | None:
    """None where the run is to end."""
    await opened.catch_up()
    if _stopped(run):
        return None
    return await run.stage(
        opened, f"{part} % of peak", held * part / 100, STEPS_LONG * run.options.seconds, f"freshness-{part}"
    )


def freshness_line(stage: Stage) -> str:
    """One sentence for each load, with what its figures stand on."""
    found = {name.removesuffix("_ms"): stage.figures.get(f"freshness.{name}") for name in _TIMES}
    told = ", ".join(f"{name} {value:,.1f} ms" for name, value in found.items() if value is not None)
    probes = stage.figures.get("freshness.probes", 0)
    return f"freshness at {stage.name} ({stage.rate:,.0f} a second): {told or 'not measured'}; {probes:,.0f} probes"


_TIMES = ("p50_ms", "p99_ms", "max_ms")


def _stopped(run: Run) -> bool:
    return run.progress.stopped.is_set()
