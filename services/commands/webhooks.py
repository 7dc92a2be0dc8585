"""`tranche webhooks …`: the role that delivers changes, and what an operator tries it with."""

from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True)


@app.callback()
def webhooks(context: typer.Context) -> None:
    """Deliver the changes stream to the receivers in the file that TRANCHE_WEBHOOKS names."""
    from services.runtime.logs import configure_logging
    from services.webhooks.app import run
    from services.webhooks.settings import WebhookSettings

    if context.invoked_subcommand is None:
        settings = WebhookSettings()
        configure_logging("webhooks", settings.log_level)
        run(settings)


@app.command()
def test(webhook_id: Annotated[str, typer.Argument(metavar="ID", help="The webhook's id in the file.")]) -> None:
    """Send a signed sample to a webhook's receiver and show what it answers. Ends with code 1 if it is refused."""
    from rich.console import Console

    from services.webhooks.sample import send_sample
    from services.webhooks.settings import WebhookSettings

    raise typer.Exit(send_sample(WebhookSettings(), webhook_id, Console()))
