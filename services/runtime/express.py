"""Requests that are answered from their bytes, without a scope, a task or a route.

Only what is plain goes this way: one request in one piece, without a body, on a connection where nothing else is under
way, with a head that says nothing about the connection itself. All else is parsed and routed as ever, and so is what
the express hands over. It may know less than the route behind it, and never anything else.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from services.runtime.connection import Connection

Headers = Sequence[tuple[bytes, bytes]]
Welcome = Callable[[], bool]
"""Whether somebody may come in now."""

PLAIN_HEAD_BYTES = 8 * 1024

_VERSION = b" HTTP/1.1\r\n"
_NOT_PLAIN = rb"content-length:|transfer-encoding:|expect:|upgrade:|proxy-connection:"
_HEADER = rb"([!#$%%&'*+.^_`|~0-9a-z-]++):[\t ]*+([\t\x20-\x7e\x80-\xff]*+)\r\n"
"""Gives back nothing of what it has matched, so that no head, however odd, takes longer to read than it is long."""
_PLAIN_HEAD = re.compile(rb"(?i:(?:(?!%b|connection:(?![\t ]*+keep-alive[\t ]*+\r)))%b)*+\r\n" % (_NOT_PLAIN, _HEADER))
_HEADERS = re.compile(rb"(?i:%b)" % _HEADER)
"""Of one after the other, in a head that is known to be plain (RFC 9112, section 5)."""


class Caller(Protocol):
    """Whoever waits for an answer. It is given once; that the connection ended meanwhile need not be known."""

    def answer(self, rest: bytes) -> None:
        """Answer 200 with this, from the headers after the date on."""

    def hand_over(self, arrived_s: float) -> None:
        """Have the request routed after all; it counts from the moment when it arrived."""


class Express(Protocol):
    route: str
    """The path of the route that it stands in for, as a GET."""

    def takes(self, line: bytes, caller: Caller) -> bool:
        """Whether it answers a request with this method and target, at once or later."""


Visitors = Callable[[Headers], Welcome]
"""Who somebody is by the headers of their requests."""


def everybody(_: Headers) -> Welcome:
    return lambda: True


def is_plain(head: bytes) -> bool:
    """Whether the headers, up to the empty line, leave no question about the connection or a body."""
    return len(head) <= PLAIN_HEAD_BYTES and _PLAIN_HEAD.fullmatch(head) is not None


class ExpressConnection(Connection):
    """Looks at what arrives before it is parsed. A head that was plain is not looked at again while it stays the same,
    which it does for most clients."""

    _taken: bytes | None = None
    """The request that the express answers."""
    _ahead = b""
    """What was sent before that was answered; nothing more is read until it is."""
    _head: bytes | None = None
    _welcome: Welcome
    _is_routed = False
    """Whether the parser was used since it was last known to be at rest."""
    _is_last = False
    _rested_s = 0.0
    _dates: object = None
    _begin = b""

    def __init__(self, *args: Any, express: Express, visitors: Visitors, **options: Any) -> None:
        super().__init__(*args, **options)
        self._express, self._visitors = express, visitors

    def data_received(self, data: bytes) -> None:
        if self._taken is not None:
            self._ahead += data
            self.flow.pause_reading()
        elif not self._takes(data):
            self._is_routed = True
            super().data_received(data)

    def answer(self, rest: bytes) -> None:
        if self._taken is None:
            return  # the client has gone
        self._taken = None
        if self.server_state.default_headers is not self._dates:
            self._date()
        if self._is_last:
            self.transport.write(b"%bconnection: close\r\n%b" % (self._begin, rest))
            self.transport.close()
            return
        self.transport.write(self._begin + rest)
        self._rest()

    def hand_over(self, arrived_s: float) -> None:
        if self._taken is None:
            return
        request, self._taken = self._taken, None
        self._is_routed, self._arrived_s = True, arrived_s
        super().data_received(request)
        if self._is_last:
            super().shutdown()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._taken = None
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._taken is None:
            super().shutdown()
        else:
            self._is_last = True

    def timeout_keep_alive_handler(self) -> None:
        """One timer for many requests: it is not set anew for each, so it may come too early."""
        left_s = self._rested_s + self.timeout_keep_alive - time.monotonic()
        if self._taken is None and left_s <= 0:
            super().timeout_keep_alive_handler()
        else:
            self._close_unless_used(max(left_s, 1.0))

    def _takes(self, data: bytes) -> bool:
        if self._is_routed and not self._is_at_rest():
            return False
        line, _, head = data.partition(_VERSION)
        if (head != self._head and not self._learns(head)) or self.flow.write_paused or not self._welcome():
            return False
        self._is_routed = False
        self._taken = data  # it may be answered at once
        if self._express.takes(line, self):
            return True
        self._taken = None
        return False

    def _learns(self, head: bytes) -> bool:
        if not is_plain(head):
            return False
        self._head = head
        self._welcome = self._visitors([(name.lower(), value) for name, value in _HEADERS.findall(head)])
        return True

    def _is_at_rest(self) -> bool:
        """Whether the parser holds nothing, and what it has told is answered."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's None is untold
        is_over = cycle is None or (cycle.response_complete and not cycle.more_body)
        return is_over and not self._held_bytes and not self._is_in_head and not self._is_refused

    def _rest(self) -> None:
        self._rested_s = time.monotonic()
        if self.timeout_keep_alive_task is None:
            self._close_unless_used(self.timeout_keep_alive)
        if self._ahead:
            self._go_on()

    def _go_on(self) -> None:
        ahead, self._ahead = self._ahead, b""
        if ahead:
            self.flow.resume_reading()
            self.data_received(ahead)

    def _close_unless_used(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(after_s, self.timeout_keep_alive_handler)

    def _date(self) -> None:
        self._dates = self.server_state.default_headers
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        self._begin = STATUS_LINE[200] + b"".join(lines)
