"""`python -m tests.simulation --seed N [--trace]` runs one seed again, `--seeds A-B` many."""

import os
import sys
import time
from typing import Annotated

import typer
from rich.progress import track

from tests.simulation.many import failures
from tests.simulation.run import run


def main(
    seed: Annotated[int | None, typer.Option(help="run this one")] = None,
    seeds: Annotated[str | None, typer.Option(help="run all from A to B, written A-B")] = None,
    trace: Annotated[bool, typer.Option(help="with --seed: print all that happened")] = False,
    processes: Annotated[int, typer.Option(min=1, help="with --seeds: run so many at a time")] = os.cpu_count() or 1,
) -> None:
    """Replay runs of the simulation."""
    if (seed is None) == (seeds is None):
        raise typer.BadParameter("give either --seed or --seeds")
    sys.exit(_one(seed, trace) if seed is not None else _many(seeds or "", processes))


def _one(seed: int, trace: bool) -> int:
    outcome = run(seed)
    for line in outcome.trace.lines() if trace else ():
        typer.echo(line)
    typer.echo(outcome.report if outcome.error else f"seed {seed}: every user equals the oracle")
    typer.echo(f"digest of the trace: {outcome.trace.digest()}")
    return int(outcome.error is not None)


def _many(seeds: str, processes: int) -> int:
    first, _, last = seeds.partition("-")
    wanted = range(int(first), int(last or first) + 1)
    begun_s, failed = time.monotonic(), 0
    for report in track(failures(wanted, processes), "simulating", len(wanted)):
        if report:
            failed += 1
            typer.echo(report)
    typer.echo(f"{len(wanted)} seeds, {failed} failed, {len(wanted) / (time.monotonic() - begun_s):.0f} a second")
    return int(failed > 0)


if __name__ == "__main__":
    typer.run(main)
