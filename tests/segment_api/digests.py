"""Digests as the status tells them."""

from typing import Any

import httpx

NONE = "0" * 32
"""Of no profile at all."""


async def status(client: httpx.AsyncClient, **params: int) -> dict[str, Any]:
    response = await client.get("/v1/status", params={"digest": True, **params})
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content
