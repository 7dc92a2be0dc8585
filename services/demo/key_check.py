"""Whether a key is good for all that the demo asks the API. A replay that is of no use afterwards is not begun."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from services.replay.lag import KeyRefused
from services.runtime.access.api_keys import Scope

_ASKED: Mapping[Scope, tuple[str, str, Any]] = {
    Scope.LOOKUP: ("POST", "/v1/lookup", {"user_ids": ["nobody"]}),
    Scope.SEGMENTS: ("GET", "/v1/segments", None),
    Scope.OPERATIONS: ("GET", "/v1/status", None),
}
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


async def refuse_weak_key(api_url: str, api_key: str | None) -> None:
    """Raises KeyRefused, which names the scopes that the API misses, and httpx.HTTPError where it is away."""
    headers = {"X-API-Key": api_key} if api_key else {}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30, trust_env=False) as client:
        missing = [
            scope
            for scope, (method, path, content) in _ASKED.items()
            if (await client.request(method, path, json=content)).status_code in _REFUSALS
        ]
    if missing:
        raise KeyRefused(
            f"the demo takes an API key that is good for {_listed(_ASKED)}; "
            f"it was refused {_listed(missing)}: set TRANCHE_API_KEY"
        )


def _listed(scopes: Iterable[Scope]) -> str:
    return ", ".join(f"`{scope}`" for scope in scopes)
