"""What the collector is told from outside: where it listens, and its limits."""

from pydantic import Field

from services.runtime.settings import Settings


class CollectorSettings(Settings):
    collector_port: int = Field(8081, ge=1, le=65535, description="TCP port to listen on")
    max_events: int = Field(500, ge=1, description="number of events that one request may carry")
    max_event_bytes: int = Field(32 * 1024, ge=256, description="largest size of one event, blanks aside, bytes")
    max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024, description="largest size of a request's body, bytes")
    max_in_flight_bytes: int = Field(
        64 * 1024 * 1024, ge=1024 * 1024, description="size of all bodies held at once, bytes; past it requests get 503"
    )
    body_timeout_s: float = Field(10.0, gt=0, description="longest time for a request's body to arrive, seconds")
    append_timeout_s: float = Field(5.0, gt=0, description="longest time for the event log to confirm events, seconds")
