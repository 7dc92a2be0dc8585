"""`tranche dlq …`: the records that no worker could apply."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Dead letters: records that no worker could apply, with the reason and the original bytes.",
    no_args_is_help=True,
)

Partition = Annotated[int | None, typer.Option(help="Only of this partition of the event log.", min=0)]
Offset = Annotated[int | None, typer.Option(help="Only of this offset in the partition.", min=0)]
Reason = Annotated[str | None, typer.Option(help="Only with this text in the reason.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(help="Show at most so many, the oldest first.", min=1)] = 100,
    partition: Partition = None,
    offset: Offset = None,
    reason: Reason = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object per line.")] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Show keys and values too, which may tell of users; in JSON as Base64.")
    ] = False,
) -> None:
    """Show what has been put aside and not been replayed."""
    from rich.console import Console

    from services.dead_letters.commands import ListOptions
    from services.dead_letters.commands import list_letters as run
    from services.dead_letters.selection import Selection
    from services.runtime.settings import Settings

    run(Settings(), Selection(partition, offset, reason), ListOptions(limit, values, as_json), Console())


@app.command()
def replay(
    partition: Partition = None,
    offset: Offset = None,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Append original bytes to the event log again, once what made them unreadable has been mended."""
    from rich.console import Console

    from services.dead_letters.commands import replay_letters
    from services.dead_letters.selection import Selection
    from services.runtime.settings import Settings

    selection = Selection(partition, offset, reason)
    if every == (selection != Selection()):
        raise typer.BadParameter("say which: --partition, --offset or --reason; or --all")
    raise typer.Exit(replay_letters(Settings(), selection, lambda text: yes or typer.confirm(text), Console()))
