"""A whole replay: read, send, show progress, wait until everything is applied, and tell how it went."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
from rich.console import Console

from services.replay.counts import Counts
from services.replay.delivery import Delivery, GaveUp
from services.replay.lag import refuse_bad_key, status_lag, wait_until_applied
from services.replay.pacing import Pacer
from services.replay.progress import progress
from services.replay.reader import BadRow, BrokenRecording, Row, WrongFormat
from services.replay.sender import send
from services.replay.source import RecordedLog, Source, UnknownFormat
from services.runtime.clock import now_ms

REQUEST_TIMEOUT_S = 10.0
APPLY_PATIENCE_S = 30.0
INTERRUPTED = 130  # as shells report a process that Ctrl-C ended


@dataclass(frozen=True, slots=True)
class Target:
    """Where a replay goes. `api_url` is where the lag is read; without it nobody waits for the workers.

    `api_key` is for the API alone: the collector takes events from everybody, and may be anybody's.
    """

    collector_url: str
    api_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def events_url(self) -> str:
        return f"{self.collector_url.rstrip('/')}/v1/events"


@dataclass(slots=True)
class Outcome:
    """How a replay went. `trouble` is what ended it early or went wrong; None when all went well."""

    counts: Counts = field(default_factory=Counts)
    duration_s: float = 0.0
    trouble: str | None = None

    @property
    def exit_code(self) -> int:
        return 0 if self.trouble is None and self.counts.read else 1


def replay(
    log: RecordedLog,
    target: Target,
    *,
    speed: float | None = None,
    rebase_to_ms: int | None = None,
    console: Console | None = None,
) -> int:
    """Send a recorded log to the collector and print a summary; the process's exit code.

    `speed` is a multiple of recorded time; None or 0 is as fast as possible. With `rebase_to_ms` every time is
    shifted by the same amount, so that the latest of the recording that is not ahead of now becomes this one.
    """
    console = console or Console()
    outcome = Outcome()
    try:
        pacer = Pacer(speed, 0 if rebase_to_ms is None else shift_ms(log, rebase_to_ms, console))
        with log.open() as source:
            asyncio.run(play(source, target, outcome, console, pacer))
    except (WrongFormat, UnknownFormat) as error:
        outcome.trouble = f"{log.path}: {error}"
    except OSError as error:
        outcome.trouble = f"{log.path}: {error.strerror or error}"
    except KeyboardInterrupt:
        report(outcome, console)
        return INTERRUPTED
    report(outcome, console)
    return outcome.exit_code


async def play(source: Source, target: Target, outcome: Outcome, console: Console, pacer: Pacer) -> None:
    """Send one source, showing progress; `outcome` is filled in all along, so an interrupted replay has one too.

    Raises WrongFormat, KeyRefused, and what else reading the source raises.
    """
    started_s = time.monotonic()
    counts = outcome.counts
    # A proxy named in the environment is none of a loopback address's business.
    async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=False) as client:
        if target.api_url:  # before anything is sent: at the end of a long replay it would be too late
            await refuse_bad_key(client, target.api_url, target.api_key)
        lag = status_lag(client, target.api_url, target.api_key) if target.api_url else None
        delivery = Delivery(client, target.events_url, counts)
        async with progress(console, source, counts, lag):
            try:
                await send(_until_broken(source.rows, outcome), delivery, counts, pacer)
            except GaveUp as error:
                outcome.trouble = str(error)
            finally:
                outcome.duration_s = time.monotonic() - started_s
            if lag and outcome.trouble is None and not await wait_until_applied(lag, APPLY_PATIENCE_S):
                outcome.trouble = f"the workers made no progress for {APPLY_PATIENCE_S:.0f} s"


def report(outcome: Outcome, console: Console) -> None:
    """Print the totals, the first bad rows and rejections, and what went wrong."""
    for line in _summary(outcome):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _summary(outcome: Outcome) -> Iterator[str]:
    counts, seconds = outcome.counts, outcome.duration_s
    rate = counts.answered / seconds if seconds else 0.0
    yield f"{counts.read:,} events of {len(counts.users):,} users in {seconds:,.1f} s ({rate:,.0f} events/s)"
    yield f"{counts.accepted:,} accepted, {counts.rejected:,} rejected, {counts.bad_rows:,} bad rows"
    yield from (f"  line {row.line}: {row.reason}" for row in counts.first_bad_rows)
    if counts.bad_rows > len(counts.first_bad_rows):
        yield f"  and {counts.bad_rows - len(counts.first_bad_rows):,} more bad rows"
    yield from (f"  rejected {times:,}: {reason}" for reason, times in counts.rejections.items())
    if outcome.trouble or not counts.read:
        yield f"error: {outcome.trouble or 'no events were found'}"


def _until_broken(rows: Iterator[Row | BadRow], outcome: Outcome) -> Iterator[Row | BadRow]:
    """Damage to the file ends the rows, so that those before it are still delivered."""
    try:
        yield from rows
    except BrokenRecording as error:
        outcome.trouble = str(error)


def shift_ms(log: RecordedLog, rebase_to_ms: int, console: Console) -> int:
    """What to add to every time, after saying what it goes by. Raises what reading the log raises."""
    console.print(f"{log.path.name}: looking for its latest event", markup=False, highlight=False)
    shift = log.shift(rebase_to_ms, now_ms())
    if shift.ahead:
        told = f"{log.path.name}: times ahead of now, which do not count as its latest: {shift.ahead:,}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    return shift.ms
