"""What the plumbing meets: a Redis of one's own to stop, the shared ones by their URLs, an express and its route."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from services.local_stack.redis_server import RedisServer
from tests.runtime.expresses import Kept, Routed
from tests.support.servers import redis_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["single", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an emptied Redis: of a single server, and of a cluster."""
    if request.param == "single":
        return str(request.getfixturevalue("clean_redis_url"))
    return clustered(request.getfixturevalue("clean_redis_cluster_url"))


def clustered(url: str) -> str:
    """The URL of a node as that of its cluster."""
    return url.replace("redis://", "redis+cluster://")


def single(names: Sequence[str]) -> list[list[str]]:
    """Rows of one key each."""
    return [[name] for name in names]


@pytest.fixture
async def express() -> Kept:
    return Kept()


@pytest.fixture
async def routed() -> Routed:
    return Routed()
