"""`tranche repair …`: what an operator does about a partition that its worker has stopped."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Partitions that workers have stopped, because the log no longer holds what is next: look, and decide.",
    no_args_is_help=True,
)

Partition = Annotated[int, typer.Argument(help="Its number.", min=0)]
Force = Annotated[bool, typer.Option("--force", help="Also where nothing is wrong.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def status() -> None:
    """Show where each partition is and what the log holds of it. Ends with code 1 where one cannot go on."""
    from rich.console import Console

    from services.runtime.settings import Settings
    from services.stream_worker.repair.commands import show_status

    raise typer.Exit(show_status(Settings(), Console()))


@app.command()
def skip(partition: Partition, force: Force = False, yes: Yes = False) -> None:
    """Accept that records are gone, and go on with the next that the log holds. What is stored of users stays."""
    from rich.console import Console

    from services.runtime.settings import Settings
    from services.stream_worker.repair.commands import skip_partition

    raise typer.Exit(skip_partition(Settings(), partition, force, lambda text: yes or typer.confirm(text), Console()))


@app.command()
def rebuild(partition: Partition, force: Force = False, yes: Yes = False) -> None:
    """Forget the users of a partition, and fold what the log still holds. Killed half way, it is to be run again."""
    from rich.console import Console

    from services.runtime.settings import Settings
    from services.stream_worker.repair.commands import rebuild_partition

    raise typer.Exit(
        rebuild_partition(Settings(), partition, force, lambda text: yes or typer.confirm(text), Console())
    )
