"""How many bytes of requests a service holds at once. Nothing waits here: what does not fit is shed at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from services.runtime.unread import UnreadBody

# What a request costs beside its body: connection, headers, tasks. It bounds the number of small requests as well.
REQUEST_BYTES = 8 * 1024


class Overloaded(UnreadBody):
    """There is no room for these bytes now: a 503 that asks to try again."""

    def __init__(self) -> None:
        detail = "too much is being received at once"
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})


class Reservation:
    """The part of the room that one request holds."""

    def __init__(self, room: "InFlight") -> None:
        self._room = room
        self.held_bytes = 0

    def expect(self, size_bytes: int) -> None:
        """Raise Overloaded if there is no room for `size_bytes` now. Holds none: to announce a body costs nothing,
        so announced bodies must not be able to fill the room."""
        self._room.require(size_bytes - self.held_bytes)

    def grow_to(self, size_bytes: int) -> None:
        """Hold `size_bytes`. Raises Overloaded, holding what it held, where there is no room for that."""
        self._room.take(size_bytes - self.held_bytes)
        self.held_bytes = size_bytes


class InFlight:
    """Room for `limit_bytes` in all. Used by one event loop, so nothing is locked."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    def require(self, size_bytes: int) -> None:
        if self.held_bytes + size_bytes > self._limit_bytes:
            raise Overloaded

    def take(self, size_bytes: int) -> None:
        self.require(size_bytes)
        self.held_bytes += size_bytes

    @contextmanager
    def request(self) -> Iterator[Reservation]:
        """A request's reservation, given back at the end. Raises Overloaded."""
        self.take(REQUEST_BYTES)
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.held_bytes -= REQUEST_BYTES + reservation.held_bytes
