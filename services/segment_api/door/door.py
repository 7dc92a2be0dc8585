"""What becomes of a request before anything is done for it. Pure ASGI: to turn one away costs next to nothing.

A lookup that is not let in is answered at once as one that Redis did not answer in time: an ad server goes on
without. All else is asked to come again; but for health and metrics, because an orchestrator that does not see them
ends the process, and leaves its load to the others.
"""

import time
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime.clock import Clock
from services.runtime.connection import arrived_s
from services.runtime.metrics import ApiMetrics
from services.runtime.unread import refused
from services.segment_api.door.admission import Admission
from services.segment_api.door.degraded import AskedLookup

ALWAYS_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})


class Door:
    """Lookups of one user count as under way; of everything else others bound how much there is at once."""

    def __init__(self, app: ASGIApp, admission: Admission, metrics: ApiMetrics, now_ms: Clock) -> None:
        self._app, self._admission, self._metrics, self._now_ms = app, admission, metrics, now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = AskedLookup.read(scope)
        if asked is not None:
            await self._lookup(asked, scope, receive, send)
        elif self._admission.is_full and scope["path"] not in ALWAYS_OPEN:
            self._metrics.shed_other()
            await _come_again(scope)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _lookup(self, asked: AskedLookup, scope: Scope, receive: Receive, send: Send) -> None:
        begin_s = arrived_s(scope)
        if not self._admission.enter(begin_s, time.monotonic()):
            self._metrics.shed_lookup()
            await _send(asked.degraded(self._now_ms()), begin_s, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._admission.leave(time.monotonic())


async def _send(body: bytes, begin_s: float, send: Send) -> None:
    headers = [
        (b"server-timing", b"total;dur=%.2f" % ((time.monotonic() - begin_s) * 1000)),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/json"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _come_again(scope: Scope) -> Response:
    detail = "more is asked at once than can be answered"
    return refused(scope, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
