"""A replay that waits for the workers asks the API with its key, and gives it to nobody else."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from rich.console import Console

from services.replay.lag import KeyRefused
from services.replay.run import Target, replay
from services.replay.source import RecordedLog
from services.runtime.access.api_keys import KeyRing, Scope, new_key
from services.runtime.access.guard import Guard
from tests.replay.stand_in import Receive, Send, StandIn, address, bound_socket

KEY, RECORD = new_key("replay", [Scope.OPERATIONS])
OTHER_KEY, OTHER = new_key("ad server", [Scope.LOOKUP])


class GuardedStandIn:
    """A collector and an API in one, behind the guard; it remembers where keys were shown."""

    def __init__(self) -> None:
        self.inside = StandIn(status={"partitions": [{"end": 1, "watermark": 1}]})
        self.shown_at: set[str] = set()
        self._guard = Guard(self.inside, lambda: KeyRing([RECORD, OTHER]), lambda: 0)  # type: ignore[arg-type]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if {b"x-api-key", b"authorization"} & dict(scope["headers"]).keys():
            self.shown_at.add(scope["path"])
        await self._guard(scope, receive, send)  # type: ignore[arg-type]


@asynccontextmanager
async def served(app: GuardedStandIn) -> AsyncIterator[str]:
    sock = bound_socket()
    sock.listen()
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", ws="none"))
    serving = asyncio.create_task(server.serve([sock]))
    try:
        yield address(sock)
    finally:
        server.should_exit = True
        await serving


async def run_replay(folder: Path, stand_in: GuardedStandIn, key: str | None) -> int:
    path = folder / "log"
    path.write_text('{"event_id": "e", "user_id": "u", "type": "view"}\n')
    async with served(stand_in) as url:
        log, console = RecordedLog(path, "tranche"), Console(file=io.StringIO())
        return await asyncio.to_thread(replay, log, Target(url, url, key), console=console)


async def test_the_key_goes_to_the_api_alone(tmp_path: Path) -> None:
    stand_in = GuardedStandIn()
    assert await run_replay(tmp_path, stand_in, KEY) == 0
    assert (len(stand_in.inside.events), stand_in.shown_at) == (1, {"/v1/status"})


@pytest.mark.parametrize("key", [None, OTHER_KEY], ids=["none", "of another scope"])
async def test_a_key_that_is_not_good_for_it_is_told_before_anything_is_sent(tmp_path: Path, key: str | None) -> None:
    stand_in = GuardedStandIn()
    with pytest.raises(KeyRefused, match=r"`operations`.*TRANCHE_API_KEY"):
        await run_replay(tmp_path, stand_in, key)
    assert stand_in.inside.events == []


def test_a_target_does_not_show_its_key() -> None:
    assert KEY not in repr(Target("http://collector", "http://api", KEY))
