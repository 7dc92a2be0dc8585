"""What a comparison of lookups knows of a server that takes part."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.bench.processes import Server


@dataclass(frozen=True)
class Contender:
    """A lookup of user U is `GET {prefix}U{suffix}` on `port`, and reads from the servers `redis`."""

    name: str
    server: Server
    port: int
    redis: Sequence[Server]
    prefix: str = "/v1/users/"
    suffix: str = "/segments"
