"""Everything that decides whether a request's body is read: its size, its pace, its encoding, the room for it.

A body is counted while it streams in, so that none is held that would be refused in the end.
"""

import asyncio
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from services.runtime.in_flight import Reservation
from services.runtime.problems import ProblemError
from services.runtime.unread import UnreadBody


async def read_body(request: Request, max_bytes: int, timeout_s: float, reservation: Reservation) -> bytearray:
    """The whole body, at most `max_bytes` long and here within `timeout_s` seconds.

    Raises ProblemError: 413, 408, 415, Overloaded (503), or 400 where the client left before the end.
    """
    _refuse_encoded(request)
    declared_bytes = _declared_bytes(request)
    _refuse_large(declared_bytes, max_bytes)
    reservation.expect(declared_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _stream(request, max_bytes, reservation)
    except TimeoutError:
        raise UnreadBody(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {timeout_s:g} s to arrive") from None
    except ClientDisconnect:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body ended too soon") from None


async def _stream(request: Request, max_bytes: int, reservation: Reservation) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        _refuse_large(len(body) + len(chunk), max_bytes)
        reservation.grow_to(len(body) + len(chunk))
        body += chunk
    return body


def _refuse_encoded(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        headers = {"Accept-Encoding": "identity"}
        raise UnreadBody(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without content-encoding", headers=headers)


def _refuse_large(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise UnreadBody(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {max_bytes} bytes")


def _declared_bytes(request: Request) -> int:
    """The length that the client announces; 0 where it announces none. What arrives is counted all the same."""
    try:
        return int(request.headers.get("content-length", 0))
    except ValueError:
        return 0
