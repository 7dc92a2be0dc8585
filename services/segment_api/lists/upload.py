"""What happens to one request that carries ids: its body is streamed into the log, and what went wrong is told.

Nothing is held of a body but the chunk that is being worked on, so it may be of any length.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from services.runtime.event_log.port import LogUnavailable
from services.runtime.in_flight import REQUEST_BYTES, InFlight
from services.runtime.problems import ProblemError
from services.runtime.unread import UnreadBody
from services.segment_api.lists.entries import FORMATS, Format
from services.segment_api.lists.pace import PacedLog
from services.segment_api.lists.pour import Outcome, Pour
from services.segment_api.lists.store import BadExpiry, ListStore, Upload, UploadRefused, Wish

READ_TIMEOUT_S = 30.0
MAX_UPLOADS = 4
UPLOAD_BYTES = 1024 * 1024  # what one holds at a time: a chunk of the body, its rows and their messages
RETRY_AFTER_S = 5


class ListUploads:
    """Takes uploads; the room for them and the log are shared by all of a process."""

    def __init__(
        self, store: ListStore, log: PacedLog, partitions: int, *, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        self._store, self._log, self._partitions = store, log, partitions
        self._read_timeout_s = read_timeout_s
        self._room = InFlight(MAX_UPLOADS * (UPLOAD_BYTES + REQUEST_BYTES))

    async def take(self, request: Request, list_id: str, wish: Wish, skip: int) -> Outcome:
        """Put the ids of a body on a list, or take them off; its first `skip` lines are passed over.

        Raises ProblemError: 400, 408, 409, 415, 422, 503, which tells the outcome so far once there is one; and
        REDIS_ERRORS before anything was read.
        """
        format_ = _format(request)
        with self._room.request() as reservation:
            reservation.grow_to(UPLOAD_BYTES)
            upload = await self._begin(list_id, wish)
            pour = Pour(self._store, self._log, self._partitions, list_id, upload, format_.read, skip)
            ended = False
            try:
                await self._stream(request, format_, pour)
                ended = True
            finally:
                await pour.note(ended=ended)
        if pour.seen < skip:
            detail = (
                f"the body has {pour.seen} lines, fewer than are to be skipped: it is not the one that was begun with"
            )
            raise _problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, pour.outcome)
        if pour.outcome.accepted == skip == 0:
            raise _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body holds no valid id", pour.outcome)
        return pour.outcome

    async def _begin(self, list_id: str, wish: Wish) -> Upload:
        try:
            return await self._store.begin(list_id, wish)
        except BadExpiry as error:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except UploadRefused as error:
            raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None

    async def _stream(self, request: Request, format_: Format, pour: Pour) -> None:
        # A body that is not read to its end is thrown away by the server, so that the client gets to read the answer.
        rows = format_.rows()
        try:
            async for chunk in self._chunks(request, pour):
                await pour.take(rows.feed(chunk))
                if rows.broken:
                    break
            await pour.take(rows.end())
            await pour.flush()
        except LogUnavailable as error:
            detail = f"{error}; go on after these lines with ?upload= and ?skip="
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            raise _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, pour.outcome, headers) from None
        if rows.broken:
            raise _problem(HTTPStatus.UNPROCESSABLE_ENTITY, rows.broken, pour.outcome)

    async def _chunks(self, request: Request, pour: Pour) -> AsyncIterator[bytes]:
        body = request.stream()
        while True:
            try:
                async with asyncio.timeout(self._read_timeout_s):
                    chunk = await anext(body, None)
            except TimeoutError:
                detail = f"nothing came for {self._read_timeout_s:g} s"
                raise UnreadBody(HTTPStatus.REQUEST_TIMEOUT, detail, members=asdict(pour.outcome)) from None
            except ClientDisconnect:
                raise _problem(HTTPStatus.BAD_REQUEST, "the body ended too soon", pour.outcome) from None
            if chunk is None:
                return
            yield chunk


def _format(request: Request) -> Format:
    """Raises ProblemError (415)."""
    media_type = request.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type in FORMATS and encoding in {"", "identity"}:
        return FORMATS[media_type]
    detail = f"send it as {', '.join(FORMATS)}, and without content-encoding"
    raise UnreadBody(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": "identity"})


def _problem(
    status: HTTPStatus, detail: str, outcome: Outcome, headers: Mapping[str, str] | None = None
) -> ProblemError:
    return ProblemError(status, detail, headers=headers, members=asdict(outcome))
