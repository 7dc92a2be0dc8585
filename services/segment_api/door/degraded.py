"""The answer to a lookup that is not let in, from the request's line alone."""

from typing import NamedTuple, Self

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.routing import compile_path
from starlette.types import Scope

from services.segment_api.lookups.paths import ONE
from services.segment_api.parameters import Moment

_PATH = compile_path(ONE)[0]  # the router's own reading, so that nothing is a lookup to it alone
_MOMENT: TypeAdapter[int] = TypeAdapter(Moment)


class AskedLookup(NamedTuple):
    user_id: str
    at_ms: int | None

    @classmethod
    def read(cls, scope: Scope) -> Self | None:
        """What a request asks for, if it is a lookup of one user that is to be answered at once.

        One that waits for a version of the catalog is not: it would keep others out all the while.
        """
        path = _PATH.match(scope["path"]) if scope["method"] == "GET" else None
        told = QueryParams(scope["query_string"])
        return None if path is None or "min_catalog" in told else cls(path["user_id"], _at_ms(told))

    def degraded(self, now_ms: int) -> bytes:
        """Who is turned away need not be right: the id is told back whatever it is."""
        at_ms = now_ms if self.at_ms is None else self.at_ms
        answer = {"user_id": self.user_id, "known": False, "at": at_ms, "segments": [], "degraded": True}
        return orjson.dumps(answer)


def _at_ms(told: QueryParams) -> int | None:
    """None where a moment is told that is none, as well."""
    try:
        return _MOMENT.validate_python(told["at"]) if "at" in told else None
    except ValidationError:
        return None
