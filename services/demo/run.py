"""The demo's course: start the stack, replay, show what came of it, serve until Ctrl-C."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from services.demo.audience import look_up_sample
from services.demo.report import show_audience, show_next_steps
from services.local_stack.stack import Stack, StackOptions
from services.local_stack.up import CHECK_S, keep_alive, signals_as_interrupts
from services.replay.pacing import Pacer
from services.replay.run import Outcome, Target, play, report
from services.replay.source import RecordedLog, Source, last_ts, reader_named, simulated


@dataclass(frozen=True)
class DemoOptions:
    api_port: int
    collector_port: int
    segments: Path
    log: RecordedLog | None = None
    """What to replay; None for the simulation."""


def demo(options: DemoOptions, console: Console) -> int:
    """Run the demo; the process's exit code. Raises StartFailed, WrongFormat, UnknownFormat, OSError."""
    with signals_as_interrupts(), TemporaryDirectory(prefix="tranche-demo-") as folder, suppress(KeyboardInterrupt):
        console.print("Starting Redis, collector, API and worker …", highlight=False)
        stack = Stack(StackOptions(options.api_port, options.collector_port, Path(folder), options.segments))
        with _running(stack):
            outcome = asyncio.run(_show(options, stack, console))
            if not outcome.counts.read:
                return 1
            console.print("Serving until Ctrl-C.")
            while True:
                stack.keep_alive()
                time.sleep(CHECK_S)
    console.print("Stopped.")
    return 0


async def _show(options: DemoOptions, stack: Stack, console: Console) -> Outcome:
    """Replay and report, while dead roles are brought back."""
    keeping = asyncio.create_task(keep_alive(stack))
    outcome = Outcome()
    api_url = f"http://127.0.0.1:{options.api_port}"
    try:
        with _source(options, console) as (source, pacer):
            target = Target(f"http://127.0.0.1:{options.collector_port}", api_url)
            await play(source, target, outcome, console, pacer)
        report(outcome, console)
        audience = await look_up_sample(api_url, sorted(outcome.counts.users))
        show_audience(audience, console)
        if audience.users:
            show_next_steps(audience.richest().user_id, api_url, target.collector_url, console)
    finally:
        keeping.cancel()
    return outcome


@contextmanager
def _source(options: DemoOptions, console: Console) -> Iterator[tuple[Source, Pacer]]:
    now_ms = time.time_ns() // 1_000_000
    if options.log is None:
        console.print("No recording given: replaying SIMULATED shop visitors (seeded, the same each time).")
        yield simulated(now_ms), Pacer()
        return
    console.print(f"Replaying {options.log.path}; its times are moved so that it ends now.", highlight=False)
    latest_ms = last_ts(options.log.path, reader_named(options.log.format_name), options.log.limit)
    with options.log.open() as source:
        yield source, Pacer(shift_ms=0 if latest_ms is None else now_ms - latest_ms)


@contextmanager
def _running(stack: Stack) -> Iterator[None]:
    stack.start()
    try:
        yield
    finally:
        stack.stop()
