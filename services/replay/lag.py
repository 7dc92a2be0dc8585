"""How far the stream workers are behind the log, as `GET /v1/status` tells."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TypeAlias

import httpx

from services.runtime.errors import OperatorError

ReadLag: TypeAlias = Callable[[], Awaitable[int | None]]
"""Events in the log that are not applied yet; None where that cannot be told now."""

POLL_S = 0.2


class KeyRefused(OperatorError):
    """The API does not tell the lag without a good key."""


def status_lag(client: httpx.AsyncClient, api_url: str, api_key: str | None = None) -> ReadLag:
    """A `ReadLag` that asks the API at `api_url`: the sum over the partitions of end minus watermark."""

    async def read() -> int | None:
        try:
            response = await _status(client, api_url, api_key)
            partitions = response.raise_for_status().json()["partitions"]
            return sum(int(each["end"]) - int(each["watermark"]) for each in partitions)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    return read


async def refuse_bad_key(client: httpx.AsyncClient, api_url: str, api_key: str | None) -> None:
    """Raises KeyRefused where the API wants another key than this; an API that is away wants nothing."""
    with suppress(httpx.HTTPError):
        response = await _status(client, api_url, api_key)
        if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise KeyRefused(f"{api_url} wants an API key with the scope `operations`: set TRANCHE_API_KEY to one")


async def _status(client: httpx.AsyncClient, api_url: str, api_key: str | None) -> httpx.Response:
    headers = {"X-API-Key": api_key} if api_key else {}
    return await client.get(f"{api_url.rstrip('/')}/v1/status", headers=headers)


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
