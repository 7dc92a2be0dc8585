"""Sends a signed request to a receiver and tells what came back, in a bounded time and memory.

No redirect is followed and no proxy of the environment is used. The text of an answer is not looked at. Whatever goes
wrong, foreseen or not, is an answer that did not come: only so does the next try wait.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Protocol

import httpx

from services.runtime.clock import Clock
from services.webhooks.hooks_file import Hook
from services.webhooks.policy import Answer
from services.webhooks.signature import SigningKey

TIMEOUT_S = 10.0
# So much of an answer is read that the connection can be used again; after that it is closed.
_MAX_ANSWER_BYTES = 64 * 1024
_FINISH_S = 0.25


class Sender(Protocol):
    async def send(self, message_id: str, body: bytes) -> Answer:
        """Send once. Raises nothing for what a receiver does."""
        ...


class HttpSender:
    def __init__(self, hook: Hook, key: SigningKey, now_ms: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._key, self._now_ms, self._timeout_s = hook.url, key, now_ms, timeout_s
        self._headers = {name: value.get_secret_value() for name, value in hook.headers.items()}
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False)

    async def send(self, message_id: str, body: bytes) -> Answer:
        url, headers = self._url.get_secret_value(), self._signed(message_id, body)
        try:
            async with asyncio.timeout(self._timeout_s):
                request = self._client.build_request("POST", url, content=body, headers=headers)
                response = await self._client.send(request, stream=True)
            await _finish(response)
            retry_after_ms = read_retry_after(response.headers.get("retry-after"), self._now_ms())
        except Exception as error:  # its text may tell what is secret
            return Answer(f"none ({type(error).__name__})")
        return Answer(str(response.status_code), response.status_code, retry_after_ms)

    async def close(self) -> None:
        await self._client.aclose()

    def _signed(self, message_id: str, body: bytes) -> Mapping[str, str]:
        timestamp_s = self._now_ms() // 1000
        return self._headers | {
            "content-type": "application/json",
            "user-agent": f"Tranche/{version('tranche')}",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": self._key.sign(message_id, timestamp_s, body),
        }


async def _finish(response: httpx.Response) -> None:
    """Read the rest and close. The answer is known: whatever is wrong with the rest changes nothing."""
    with suppress(httpx.HTTPError, httpx.StreamError, OSError):
        async with asyncio.timeout(_FINISH_S):
            await _read_some(response)
    await response.aclose()


async def _read_some(response: httpx.Response) -> None:
    size_bytes = 0
    async for chunk in response.aiter_raw():
        size_bytes += len(chunk)
        if size_bytes > _MAX_ANSWER_BYTES:
            return


def read_retry_after(text: str | None, now_ms: int) -> int | None:
    """A header Retry-After, seconds or a date (RFC 9110, 10.2.3), in milliseconds from now; None where unreadable."""
    if text is None:
        return None
    if text.isdecimal() and text.isascii():
        return int(text[:12]) * 1000
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0, round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000) - now_ms)
