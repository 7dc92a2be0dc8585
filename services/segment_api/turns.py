"""How much costly work is done at once. Nothing waits here: what finds no place is asked to come again."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from services.runtime.problems import ProblemError


class Turns:
    """At most `limit` at once. Used by one event loop, so nothing is locked."""

    def __init__(self, what: str, limit: int, retry_after_s: int) -> None:
        self._what, self._limit, self._retry_after_s = what, limit, retry_after_s
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises ProblemError (503) where all are taken."""
        with self.some(1):
            yield

    @contextmanager
    def some(self, count: int) -> Iterator[None]:
        """Raises ProblemError (503) where not so many are left."""
        if self._taken + count > self._limit:
            headers = {"Retry-After": str(self._retry_after_s)}
            detail = f"{self._taken} {self._what} are under way, and there may be {self._limit} at once"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
        self._taken += count
        try:
            yield
        finally:
            self._taken -= count
