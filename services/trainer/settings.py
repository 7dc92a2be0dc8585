"""What the trainer is told from outside."""

from pydantic import Field

from services.runtime.settings import Settings


class TrainerSettings(Settings):
    trainer_port: int = Field(8084, ge=1, le=65535, description="TCP port for health and metrics")
    publish_seconds: float = Field(
        30.0,
        ge=0,
        le=86_400,
        description="the least time between two publications of what models have learned, seconds; "
        "what a definition learns first is published at once",
    )
