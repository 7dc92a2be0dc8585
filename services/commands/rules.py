"""`tranche rules …`: what is wrong with a rule, and whom it would hold for."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="For those who write rules.", no_args_is_help=True)

Keep = Annotated[str | None, typer.Option(help="Properties that profiles keep, in place of TRANCHE_KEEP.")]

ModelsFile = Annotated[
    Path | None, typer.Option(help="YAML file of models that rules may name.", exists=True, dir_okay=False)
]


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="Segments in YAML or JSON, or one rule in a text file; - reads a rule from standard input.",
            dir_okay=False,
        ),
    ],
    models: ModelsFile = None,
    keep: Keep = None,
) -> None:
    """Say what is wrong with the rules of a file, and what looks wrong. Ends with code 1 where there is an error."""
    from rich.console import Console

    from services.rule_tools.check import check_file
    from services.runtime.settings import Settings

    raise typer.Exit(check_file(file, Settings().keep if keep is None else keep, Console(), models))


@app.command("try")
def try_rule(
    rule: Annotated[str, typer.Argument(help="The text of the rule.")],
    events: Annotated[
        Path,
        typer.Option(
            help="Events, a JSON object per line as POST /v1/events takes them, gzipped or not; - for standard input.",
            dir_okay=False,
        ),
    ],
    at: Annotated[str | None, typer.Option(help="now, milliseconds or a date-time; else the latest event.")] = None,
    user: Annotated[str | None, typer.Option(help="Show this user only.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone, in place of TRANCHE_TIME_ZONES.")] = None,
    request: Annotated[list[str] | None, typer.Option(help="What the ad request tells: device.type=mobile.")] = None,
    segments: Annotated[
        Path | None,
        typer.Option(help="YAML file of segments that the rule may name.", exists=True, dir_okay=False),
    ] = None,
    models: ModelsFile = None,
    trained: Annotated[
        Path | None,
        typer.Option(help="Folder with what `tranche models train` made of them.", exists=True, file_okay=False),
    ] = None,
    keep: Keep = None,
    as_json: Annotated[bool, typer.Option("--json", help="All users' intervals as JSON.")] = False,
) -> None:
    """Show for each user when a rule was true, and will be if nothing else happens."""
    from rich.console import Console

    from services.rule_tools.try_rule import TryOptions
    from services.rule_tools.try_rule import try_rule as run
    from services.runtime.clock import now_ms
    from services.runtime.settings import Settings

    settings = Settings()
    kept, told = settings.keep if keep is None else keep, request or []
    options = TryOptions(
        rule, events, kept, settings.time_zones, at, user, zone, told, segments, models, trained, as_json
    )
    raise typer.Exit(run(options, now_ms(), Console()))
