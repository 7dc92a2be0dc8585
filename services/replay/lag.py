"""How far the stream workers are behind the log, as `GET /v1/status` tells."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx

ReadLag: TypeAlias = Callable[[], Awaitable[int | None]]
"""Events in the log that are not applied yet; None where that cannot be told now."""

POLL_S = 0.2


def status_lag(client: httpx.AsyncClient, api_url: str) -> ReadLag:
    """A `ReadLag` that asks the API at `api_url`: the sum over the partitions of end minus watermark."""

    async def read() -> int | None:
        try:
            response = await client.get(f"{api_url.rstrip('/')}/v1/status")
            partitions = response.raise_for_status().json()["partitions"]
            return sum(int(each["end"]) - int(each["watermark"]) for each in partitions)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    return read


async def wait_until_applied(lag: ReadLag, patience_s: float) -> bool:
    """Return True once nothing in the log waits; False after `patience_s` seconds in which the lag did not shrink."""
    least: int | None = None
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        behind = await lag()
        if behind == 0:
            return True
        if behind is not None and (least is None or behind < least):
            least, deadline_s = behind, time.monotonic() + patience_s
        await asyncio.sleep(POLL_S)
    return False
