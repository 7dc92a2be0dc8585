"""What a key must be good for, route by route: this table is the only place that says so.

A route that is missing here is shut, whoever asks. Paths are matched by the router's own patterns, so that the guard
and the router never read the same path in two ways.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from starlette.routing import compile_path

from services.runtime.access.api_keys import Scope

NOTHING: Literal["nothing"] = "nothing"
Need: TypeAlias = Scope | Literal["nothing"]
"""The scope that a request needs, or that it needs no key at all."""

NEEDS: Mapping[str, Mapping[str, Need]] = {
    "/v1/users/{user_id}/segments": {"GET": Scope.LOOKUP},
    "/v1/lookup": {"POST": Scope.LOOKUP},
    "/v1/users/{user_id}/segments/{segment_id}/explain": {"GET": Scope.SEGMENTS},
    "/v1/segments": {"GET": Scope.SEGMENTS},
    "/v1/segments/preview": {"POST": Scope.SEGMENTS},
    "/v1/segments/{segment_id}": {"GET": Scope.SEGMENTS, "PUT": Scope.SEGMENTS, "DELETE": Scope.SEGMENTS},
    "/v1/segments/{segment_id}/history": {"GET": Scope.SEGMENTS},
    "/v1/segments/{segment_id}/rollback": {"POST": Scope.SEGMENTS},
    "/v1/segments/{segment_id}/members": {"GET": Scope.SEGMENTS},
    "/v1/models": {"GET": Scope.SEGMENTS},
    "/v1/models/{model_id}": {"GET": Scope.SEGMENTS, "PUT": Scope.SEGMENTS, "DELETE": Scope.SEGMENTS},
    "/v1/models/{model_id}/snapshot": {"PUT": Scope.SEGMENTS, "DELETE": Scope.SEGMENTS},
    "/v1/models/{model_id}/clusters/{cluster}": {"PUT": Scope.SEGMENTS},
    "/v1/models/{model_id}/moves": {"GET": Scope.SEGMENTS},
    "/v1/lists": {"GET": Scope.SEGMENTS},
    "/v1/lists/{list_id}": {"GET": Scope.SEGMENTS, "DELETE": Scope.SEGMENTS},
    "/v1/lists/{list_id}/members": {"POST": Scope.SEGMENTS},
    "/v1/lists/{list_id}/members/remove": {"POST": Scope.SEGMENTS},
    "/v1/status": {"GET": Scope.OPERATIONS},
    "/metrics": {"GET": Scope.OPERATIONS},
    # Supervisors and load balancers hold no key, nor do browsers; the description tells what the sources do.
    "/healthz": {"GET": NOTHING},
    "/readyz": {"GET": NOTHING},
    "/openapi.json": {"GET": NOTHING, "HEAD": NOTHING},
    "/v1/events": {"POST": NOTHING},
}


class Needs:
    """A table of needs, ready to be asked at every request."""

    def __init__(self, needs: Mapping[str, Mapping[str, Need]] = NEEDS) -> None:
        self._fixed: dict[tuple[str, str], Need] = {}
        self._shaped: dict[str, list[tuple[re.Pattern[str], Need]]] = {}
        for path, by_method in needs.items():
            for method, need in by_method.items():
                self._add(method, path, need)

    def of(self, method: str, path: str) -> Need | None:
        """None where there is no such route."""
        if need := self._fixed.get((method, path)):
            return need
        return next((need for pattern, need in self._shaped.get(method, ()) if pattern.match(path)), None)

    def methods(self, path: str) -> list[str]:
        """Those that the path can be asked with, sorted; none where nothing is there."""
        known = {method for method, _ in self._fixed} | self._shaped.keys()
        return sorted(method for method in known if self.of(method, path))

    def _add(self, method: str, path: str, need: Need) -> None:
        if "{" in path:
            self._shaped.setdefault(method, []).append((compile_path(path)[0], need))
        else:
            self._fixed[method, path] = need
