"""What the role that delivers webhooks is told from outside."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import Settings


class WebhookSettings(Settings):
    webhooks: Path | None = Field(None, description="YAML file of the webhooks to deliver")
    webhooks_port: int = Field(8083, ge=1, le=65535, description="TCP port for health and metrics")
    webhooks_group: str = Field(
        "tranche-webhooks", description="beginning of the consumer groups' names; the webhook's id follows"
    )
