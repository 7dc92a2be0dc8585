"""`tranche keys …`: makes, lists and revokes the API keys of a file, which running services follow."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.runtime.access.api_keys import KeyRecord, Scope, new_key

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    help="API keys: who may ask a service, and for what. Services read their file again when it changes.",
    no_args_is_help=True,
)

KeyFile = Annotated[
    Path,
    typer.Option("--file", help="The file of keys.", envvar="TRANCHE_API_KEYS", exists=True, dir_okay=False),
]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is, to tell it from others.")],
    scope: Annotated[list[Scope], typer.Option(help="What it is good for; repeat it for more.")],
    expires: Annotated[
        datetime | None, typer.Option(help="When it ends, in UTC; without this it is good until revoked.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Add it to this file, which is made when missing; without one the entry is printed.",
            envvar="TRANCHE_API_KEYS",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Make a key and print it, this once: only what recognises it is kept."""
    from services.runtime.access.key_file import as_yaml
    from services.runtime.access.key_file_edits import change_key_file

    expires_ms = None if expires is None else round(expires.replace(tzinfo=UTC).timestamp() * 1000)
    key, record = new_key(name, scope, expires_ms)
    if file is None:
        typer.echo(f"{key}\n\n{as_yaml([record])}", nl=False)
        return
    change_key_file(file, lambda records: [*records, record])
    typer.echo(key)
    typer.echo(f"Its entry is in {file}. The key is not: it cannot be shown again.", err=True)


@app.command("list")
def list_keys(file: KeyFile) -> None:
    """Show the keys of a file: whose they are and what they are good for."""
    from rich.console import Console

    from services.runtime.access.key_file import read_key_file

    Console().print(_table(read_key_file(file)))


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id, as `list` shows it.")], file: KeyFile) -> None:
    """Take a key out of a file: running services refuse it a second later."""
    from services.runtime.access.key_file_edits import change_key_file

    def without(records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        left = [record for record in records if record.id != key_id]
        if len(left) == len(records):
            raise typer.BadParameter(f"{file} has no key {key_id}")
        return left

    change_key_file(file, without)
    typer.echo(f"{key_id} is revoked.", err=True)


def _table(records: Sequence[KeyRecord]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from services.runtime.clock import now_ms

    table = Table("id", "name", "scopes", "expires")
    for record in records:
        ended = " (over)" if record.expired(now_ms()) else ""
        table.add_row(
            record.id, escape(record.name), ", ".join(sorted(record.scopes)), _moment(record.expires_ms) + ended
        )
    return table


def _moment(at_ms: int | None) -> str:
    return "never" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
