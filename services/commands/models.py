"""`tranche models …`: groups and scores that are learned, tried on recorded data before they go live."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Models: groups and scores that are learned. Write some, train them on a recording, look at them.",
    epilog="docs/models.md tells how to write one; deploy/models.yaml has one of each kind to begin with.",
    no_args_is_help=True,
)

SegmentsFile = Annotated[
    Path | None,
    typer.Option(help="YAML file of the segments that models name.", exists=True, dir_okay=False),
]
Keep = Annotated[str | None, typer.Option(help="Properties that profiles keep, in place of TRANCHE_KEEP.")]
OUT = Path("trained-models")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Models in YAML or JSON.", exists=True, dir_okay=False)],
    segments: SegmentsFile = None,
    keep: Keep = None,
) -> None:
    """Say what is wrong with the models of a file, and what was understood. Ends with code 1 where anything is."""
    from rich.console import Console

    from services.model_tools.check import check_models
    from services.runtime.settings import Settings

    kept = Settings().keep if keep is None else keep
    raise typer.Exit(check_models(file, segments, kept, Console()))


@app.command()
def train(
    models: Annotated[Path, typer.Option(help="Models in YAML or JSON.", exists=True, dir_okay=False)],
    recording: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Recording to learn from, gzipped or not; without one, a simulated shop.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    format_name: Annotated[
        str, typer.Option("--format", help="Of the recording, as `tranche replay` knows it.")
    ] = "tranche",
    segments: SegmentsFile = None,
    out: Annotated[Path, typer.Option(help="Folder for what is trained; made when missing.", file_okay=False)] = OUT,
    model: Annotated[list[str] | None, typer.Option(help="Train only this one; repeat it for more.")] = None,
    limit: Annotated[int | None, typer.Option(help="Learn from only so many rows.", min=1)] = None,
    keep: Keep = None,
) -> None:
    """Train models on a recording, then show what they have become.

    Nothing goes live. Events are taken in order of time, users are sampled as they come, and the models learn from the
    samples. What they become is in a folder each: every snapshot, and the state of the training.
    """
    from rich.console import Console

    from services.model_tools.preparing import TrainOptions
    from services.model_tools.report.report import report as show
    from services.model_tools.train import train as run
    from services.replay.source import RecordedLog
    from services.runtime.clock import now_ms
    from services.runtime.settings import Settings

    if recording is None and limit is not None:
        raise typer.BadParameter("--limit is of a recording, which --from names")
    settings, console = Settings(), Console()
    log = None if recording is None else RecordedLog(recording, format_name, limit)
    kept = settings.keep if keep is None else keep
    run(TrainOptions(models, out, kept, settings.time_zones, log, segments, model or []), now_ms(), console)
    show(out, None, console)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(help="What `train` left: all models, or the folder of one.", exists=True, file_okay=False)
    ] = OUT,
    png: Annotated[
        Path | None, typer.Option(help="Write every picture into this folder too, as PNG.", file_okay=False)
    ] = None,
) -> None:
    """Show trained models: tables here, and a page with pictures (report.html) in the folder."""
    from rich.console import Console

    from services.model_tools.report.report import report as show

    show(folder, png, Console())
