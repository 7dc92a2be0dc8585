"""The few calls that a run makes besides its load: is the stack there, how far is it, what has it used?"""

import asyncio
from http import HTTPStatus
from typing import Any

import httpx

from loadtests.load.control.errors import CannotRun
from loadtests.load.traffic.plan import Target

TIMEOUT_S = 10.0
METRICS_TIMEOUT_S = 2.0
"""Where a firewall swallows what is asked of a port, the looks at the stack go on all the same."""
TRIES, PAUSE_S = 6, 0.5


class StackClient:
    """Close it with `async with`."""

    def __init__(self, target: Target) -> None:
        headers = {"Authorization": f"Bearer {target.key}"} if target.key else {}
        self._http = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self.target = target

    async def __aenter__(self) -> "StackClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Raises CannotRun where the API or the collector is not there, not ready, or does not take the key."""
        for name, url in (("API", self.target.api), ("collector", self.target.collector)):
            if url is not None:
                await self._check_ready(name, url)
        if self.target.api is not None:
            answer = await self.api("GET", "/v1/users/nobody/segments")
            if answer.status_code in {401, 403}:
                raise CannotRun(f"{self.target.api} refuses lookups ({answer.status_code}): {_key_hint(self.target)}")
            if answer.status_code != 200 or b'"known"' not in answer.content:
                raise CannotRun(f"{self.target.api} answers a lookup with {answer.status_code}: is it the API?")

    async def api(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Asks again where the API is busy for a while. Raises CannotRun where there is no answer."""
        for _ in range(TRIES):
            answer = await self._ask(method, f"{self.target.api}{path}", body, headers)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(PAUSE_S)
        return answer

    async def collect(self, events: Any) -> httpx.Response:
        """Raises CannotRun where there is no answer."""
        return await self._ask("POST", f"{self.target.collector}/v1/events", events, None)

    async def status(self) -> dict[str, Any] | None:
        """What GET /v1/status tells; None where it does not."""
        return await self._told(f"{self.target.api}/v1/status")

    async def metrics(self, url: str) -> str | None:
        """The text of a service's /metrics; None where there is none."""
        try:
            answer = await self._http.get(f"{url}/metrics", timeout=METRICS_TIMEOUT_S)
        except httpx.HTTPError:
            return None
        return answer.text if answer.is_success else None

    async def _told(self, url: str) -> dict[str, Any] | None:
        try:
            answer = await self._http.get(url)
            return dict(answer.json()) if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None

    async def _check_ready(self, name: str, url: str) -> None:
        answer = await self._ask("GET", f"{url}/readyz", None, None)
        if not answer.is_success:
            raise CannotRun(f"the {name} at {url} is not ready ({answer.status_code}): {answer.text[:300]}")

    async def _ask(self, method: str, url: str, body: Any, headers: dict[str, str] | None) -> httpx.Response:
        try:
            return await self._http.request(method, url, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CannotRun(f"no answer from {url}: {str(error) or type(error).__name__}") from None


def _key_hint(target: Target) -> str:
    made = "`tranche keys create --scope lookup --scope segments --scope operations` makes one"
    return f"the key is not good for them; {made}" if target.key else f"a key is needed, --api-key; {made}"
