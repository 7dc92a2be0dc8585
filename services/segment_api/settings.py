"""What the API is told from outside."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import Settings


class ApiSettings(Settings):
    api_port: int = Field(8080, ge=1, le=65535, description="TCP port to listen on")
    segments: Path | None = Field(
        None, description="YAML or JSON file whose segments are put into the catalog at start"
    )
    models: Path | None = Field(None, description="the same of models, which the rules of the segments may name")
    lookup_deadline_ms: float = Field(8.0, gt=0, description="time until a lookup answers without Redis, milliseconds")
    batch_deadline_ms: float = Field(100.0, gt=0, description="the same for a lookup of many users, milliseconds")
    max_reads_in_flight: int = Field(
        256,
        ge=1,
        description="number of reads that may wait for one Redis server at once; past it answers are degraded",
    )
