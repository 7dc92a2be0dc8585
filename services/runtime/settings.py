"""What several services are told from outside. Every setting is a `TRANCHE_…` variable of the environment.

Services subclass `Settings` in their own settings.py and add what is theirs. Nothing is read before one is made.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_KEEP = (
    "category item_id brand value quantity query campaign channel "
    "context.device.* context.geo.country context.geo.region context.page.category"
)


class Settings(BaseSettings):
    """Shared by the services. Raises pydantic's ValidationError where a variable does not fit."""

    model_config = SettingsConfigDict(env_prefix="TRANCHE_", env_ignore_empty=True, extra="ignore", frozen=True)

    kafka_bootstrap: str | None = Field(
        None, description="Kafka brokers as host:port,host:port; without it the event log is embedded in Redis"
    )
    kafka_topic: str = Field("tranche.events", description="name of the topic that carries the events")
    kafka_group: str = Field("tranche-workers", description="name of the workers' consumer group")
    embedded_backlog: int = Field(
        640_000,
        ge=1,
        description="number of records that may wait in the embedded log; past it events get 503",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", description="URL of the Redis that holds profiles and memberships"
    )
    partitions: int = Field(
        64, ge=1, le=4096, description="number of partitions of the event log; recorded at the first start"
    )
    keep: str = Field(
        DEFAULT_KEEP, description="properties and context paths that profiles keep, separated by spaces; * ends a path"
    )
    time_zones: str = Field(
        "UTC",
        description="time zone by which days, weeks and months begin; space=Zone after it for single spaces",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    log_level: LogLevel = Field("info", description="the least severe level that is logged")
