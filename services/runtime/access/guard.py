"""The guard in front of a service: a request comes in with a key that is good for its route, or not at all.

Refusals follow RFC 6750: 401 without a good key, 403 where the key is not good for this. Only a client with a good key
learns whether there is such a route. No key ever gets into a log, nor does what was shown as one.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime.access.api_keys import KeyRecord, KeyRing
from services.runtime.access.followed_keys import FollowedKeys
from services.runtime.access.needs import NOTHING, Need, Needs
from services.runtime.clock import Clock, now_ms
from services.runtime.unread import refused

TELL_EVERY_S = 60.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def guarded(app: ASGIApp, key_file: Path | None) -> AsyncIterator[ASGIApp]:
    """The app behind a guard that knows the keys of the file; without a file the app itself. Raises BadKeyFile."""
    if key_file is None:
        yield app
        return
    keys = FollowedKeys(key_file)
    following = asyncio.create_task(keys.follow())
    try:
        yield Guard(app, lambda: keys.ring, now_ms)
    finally:
        following.cancel()


class Refusal(NamedTuple):
    status: HTTPStatus
    detail: str
    headers: Mapping[str, str] = {}


class Guard:
    """Outermost of all, so that what is refused costs nothing further in."""

    def __init__(self, app: ASGIApp, ring: Callable[[], KeyRing], clock: Clock) -> None:
        self._app, self._ring, self._clock = app, ring, clock
        self._needs = Needs()
        self._refusals = _Refusals()

    def visitors(self, method: str, path: str) -> Callable[[Iterable[tuple[bytes, bytes]]], Callable[[], bool]]:
        """For clients by their headers, whether they may ask for a route now: to be asked at each request."""
        need = self._needs.of(method, path)
        return lambda headers: _Visitor(_shown_keys(headers), need, self._ring, self._clock).may_come_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # the server speaks nothing else, and nothing else would be guarded
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        self._refusals.note(refusal)
        await refused(scope, *refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        need = self._needs.of(scope["method"], scope["path"])
        if need == NOTHING:
            return None
        shown = _shown_keys(scope["headers"])
        if len(shown) != 1:
            return _unknown("send one API key, as `Authorization: Bearer KEY` or as `X-API-Key: KEY`")
        record = self._ring().find(shown[0])
        if record is None or record.expired(self._clock()):
            return _unknown("this API key is unknown, revoked or expired", ', error="invalid_token"')
        if need is None:
            return self._nowhere(scope["path"])
        return None if need in record.scopes else _not_good_for(need)

    def _nowhere(self, path: str) -> Refusal:
        if methods := self._needs.methods(path):
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "not with this method", {"Allow": ", ".join(methods)})
        return Refusal(HTTPStatus.NOT_FOUND, "there is nothing at this path")


class _Visitor:
    """A client that shows the same with each request. Its key is found once in each ring."""

    def __init__(self, shown: Sequence[bytes], need: Need | None, ring: Callable[[], KeyRing], clock: Clock) -> None:
        self._shown, self._need, self._now, self._clock = shown, need, ring, clock
        self._ring: KeyRing | None = None
        self._record: KeyRecord | None = None

    def may_come_in(self) -> bool:
        """False also where it is not certain: the guard itself says why not."""
        ring = self._now()
        if ring is not self._ring:
            self._ring = ring
            self._record = ring.find(self._shown[0]) if len(self._shown) == 1 else None
        record = self._record
        return record is not None and self._need in record.scopes and not record.expired(self._clock())


class _Refusals:
    """Tells the log how many there were, once in a while: whoever tries keys should not fill it."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._silent_until_s = 0.0

    def note(self, refusal: Refusal) -> None:
        self._statuses[str(refusal.status.value)] += 1
        now_s = time.monotonic()
        if now_s >= self._silent_until_s:
            _log.warning("requests were refused at the door", extra={"statuses": dict(self._statuses)})
            self._statuses.clear()
            self._silent_until_s = now_s + TELL_EVERY_S


def _shown_keys(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """More than one may contradict each other. Schemes other than Bearer are the business of a proxy's."""
    shown = []
    for name, value in headers:
        if name == b"x-api-key":
            shown.append(value)
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            shown.append(value[7:].lstrip())
    return shown


def _unknown(detail: str, more: str = "") -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": f'Bearer realm="tranche"{more}'})


def _not_good_for(need: Need) -> Refusal:
    challenge = f'Bearer realm="tranche", error="insufficient_scope", scope="{need}"'
    detail = f"this API key has not the scope `{need}`"
    return Refusal(HTTPStatus.FORBIDDEN, detail, {"WWW-Authenticate": challenge})
