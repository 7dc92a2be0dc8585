"""The demo, step by step: start the stack, replay, show what came of it, serve until Ctrl-C."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from services.demo.audience import look_up_sample
from services.demo.key_check import refuse_weak_key
from services.demo.report import show_audience, show_next_steps
from services.local_stack.stack import Stack, StackOptions
from services.local_stack.up import CHECK_S, keep_alive, signals_as_interrupts
from services.replay.pacing import Pacer
from services.replay.run import Outcome, Target, play, report, shift_ms
from services.replay.source import RecordedLog, Source, simulated
from services.runtime.clock import now_ms


@dataclass(frozen=True)
class DemoOptions:
    api_port: int
    collector_port: int
    segments: Path
    log: RecordedLog | None = None
    """What to replay; None for the simulation."""
    models: Path | None = None
    api_key: str | None = field(default=None, repr=False)
    """Needed where TRANCHE_API_KEYS is set; with the scopes lookup, segments and operations."""


def demo(options: DemoOptions, console: Console) -> int:
    """Run the demo; the process's exit code. Raises OperatorError, and OSError where the recording cannot be read."""
    with signals_as_interrupts(), TemporaryDirectory(prefix="tranche-demo-") as folder, suppress(KeyboardInterrupt):
        pacer = _pacer(options.log, console)
        console.print("Starting Redis, collector, API and worker …", highlight=False)
        stack = Stack(_stack_options(options, Path(folder)))
        with _running(stack):
            outcome = asyncio.run(_show(options, stack, pacer, console))
            if not outcome.counts.read:
                return 1
            console.print("Serving until Ctrl-C.")
            while True:
                stack.keep_alive()
                time.sleep(CHECK_S)
    console.print("Stopped.")
    return 0


async def _show(options: DemoOptions, stack: Stack, pacer: Pacer, console: Console) -> Outcome:
    """Replay and report, while dead roles are brought back."""
    keeping = asyncio.create_task(keep_alive(stack))
    outcome = Outcome()
    api_url = f"http://127.0.0.1:{options.api_port}"
    try:
        await refuse_weak_key(api_url, options.api_key)
        with _source(options.log) as source:
            target = Target(f"http://127.0.0.1:{options.collector_port}", api_url, options.api_key)
            await play(source, target, outcome, console, pacer)
        report(outcome, console)
        audience = await look_up_sample(api_url, sorted(outcome.counts.users), options.api_key)
        show_audience(audience, console)
        if audience.users:
            richest = audience.richest().user_id
            show_next_steps(richest, api_url, target.collector_url, console, with_key=options.api_key is not None)
    finally:
        keeping.cancel()
    return outcome


def _stack_options(options: DemoOptions, folder: Path) -> StackOptions:
    return StackOptions(options.api_port, options.collector_port, folder, options.segments, models=options.models)


def _pacer(log: RecordedLog | None, console: Console) -> Pacer:
    """Say what will be replayed, and find out how to shift its times. Comes first, because it may refuse the file."""
    if log is None:
        console.print("No recording given: replaying SIMULATED shop visitors (seeded, the same each time).")
        return Pacer()
    console.print(f"Replaying {log.path}; its times are shifted so that it ends now.", highlight=False)
    return Pacer(shift_ms=shift_ms(log, now_ms(), console))


def _source(log: RecordedLog | None) -> AbstractContextManager[Source]:
    return nullcontext(simulated(now_ms())) if log is None else log.open()


@contextmanager
def _running(stack: Stack) -> Iterator[None]:
    stack.start()
    try:
        yield
    finally:
        stack.stop()
