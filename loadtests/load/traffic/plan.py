"""All that a generator process is told. It is handed over as JSON, and the same plan gives the same traffic."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Target:
    """Where the load goes. Base URLs, without a slash at the end; a URL that is None is not asked.

    `key` is sent to both as a bearer token. With `kafka` (bootstrap servers) events go straight to the topic.
    """

    api: str | None
    collector: str | None
    key: str | None = None
    kafka: str | None = None
    topic: str = "tranche.events"


@dataclass(frozen=True)
class Plan:
    """Times are of time.monotonic(), which all processes of a machine share; `warm_up_s` are before `begin_s`."""

    scenario: str
    target: Target
    rate: float
    seconds: float
    warm_up_s: float
    begin_s: float
    begin_wall_ms: int
    seed: int
    users: int
    exponent: float
    run: str
    connections: int
    timeout_s: float
    process: int = 0
    processes: int = 1
    probes_per_s: float = 0.0
    probe_segment: str = ""
    probe_event: str = ""

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, told: str) -> Self:
        fields = json.loads(told)
        return cls(**{**fields, "target": Target(**fields["target"])})
