"""One request to the collector and everything that can come back: what is tried again, and when to give up.

Trying again is always safe: the collector's log may hold an event twice, its `event_id` counts once.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from services.replay.counts import Counts

PATIENCE_S = 60.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_ANSWERED = frozenset({HTTPStatus.ACCEPTED, HTTPStatus.UNPROCESSABLE_ENTITY})


class GaveUp(Exception):
    """The collector did not take the events; the message says what it did instead."""


@dataclass(slots=True)
class Answer:
    """What the collector made of some events: how many it took, and for each other one why not."""

    accepted: int = 0
    rejections: list[str] = field(default_factory=list)

    def __add__(self, other: "Answer") -> "Answer":
        return Answer(self.accepted + other.accepted, self.rejections + other.rejections)


class Delivery:
    """Posts events to `url`, the collector's `/v1/events`; waits and repeats while it is busy or out of reach."""

    def __init__(self, client: httpx.AsyncClient, url: str, counts: Counts, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._url = url
        self._counts = counts
        self._patience_s = patience_s

    async def post(self, events: Sequence[bytes]) -> Answer:
        """Deliver events, each one encoded as JSON, in order. Raises GaveUp after `patience_s` seconds in vain."""
        response = await self._until_answered(b"[" + b",".join(events) + b"]")
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return await self._in_halves(events)
        if response.status_code not in _ANSWERED:
            raise GaveUp(f"{self._url} answered {_described(response)}: is this the collector's address?")
        return _answer(response, len(events))

    async def _in_halves(self, events: Sequence[bytes]) -> Answer:
        if len(events) == 1:
            return Answer(rejections=["too large"])
        middle = len(events) // 2
        return await self.post(events[:middle]) + await self.post(events[middle:])

    async def _until_answered(self, body: bytes) -> httpx.Response:
        deadline_s = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            response, trouble = await self._try(body)
            if response is not None and response.status_code not in _BUSY:
                self._counts.waiting_for = None
                return response
            self._counts.waiting_for = trouble
            wait_s = max(pause_s, _retry_after_s(response))
            if time.monotonic() + wait_s > deadline_s:
                raise GaveUp(f"{self._url} accepted nothing for {self._patience_s:.0f} s; the last answer: {trouble}")
            await asyncio.sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _try(self, body: bytes) -> tuple[httpx.Response | None, str]:
        try:
            response = await self._client.post(self._url, content=body, headers={"content-type": "application/json"})
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise GaveUp(f"{self._url}: {error}") from None
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        return response, _described(response)


def _retry_after_s(response: httpx.Response | None) -> float:
    """The seconds of a Retry-After (RFC 9110, 10.2.3); 0 without one, and for its date form."""
    text = "" if response is None else response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _answer(response: httpx.Response, events: int) -> Answer:
    """The collector's answer. A refusal of the whole body without a list rejects every event for one reason."""
    found = _json(response)
    rejected = found.get("rejected")
    if isinstance(rejected, list):
        return Answer(found.get("accepted", 0), [str(each.get("error", "")) for each in rejected])
    return Answer(rejections=[str(found.get("detail") or found.get("title") or "refused")] * events)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _described(response: httpx.Response) -> str:
    found = _json(response)
    detail = found.get("detail") or found.get("title") or response.reason_phrase
    return f"{response.status_code} {detail}"[:200]
