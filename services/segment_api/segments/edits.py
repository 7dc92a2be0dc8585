"""Edits of segments through the API: each is checked against the newest catalog, or refused with a problem."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.segments.catalog_store import CatalogStore, Change
from services.segment_api.segments.history import Note
from services.segment_api.segments.preconditions import Preconditions
from services.segmentation.catalog import (
    MAX_SEGMENTS,
    Catalog,
    Segment,
    SegmentDefinition,
    SegmentInUse,
    TooManySegments,
)
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError

Answers = dict[int | str, dict[str, Any]]

NOT_FOUND: Answers = {404: problem_answer("No such segment.")}
STALE: Answers = {
    412: problem_answer(
        "The segment is not as the request's conditions want it; `version` is that of its last edit.",
        {"version": {"type": ["integer", "null"]}},
    )
}
PLACED: Mapping[str, object] = {
    "line": {"type": "integer"},
    "column": {"type": "integer"},
    "found": {"type": "string"},
    "expected": {"type": "string"},
    "caret": {"type": "string", "description": "the rule's line, and ^ below the place"},
    "hint": {"type": ["string", "null"], "description": "what was probably meant"},
}
"""The members of a problem with a text of the rule language."""
BAD_RULE: Answers = {422: problem_answer("The request does not fit, or the rule is wrong.", optional=PLACED)}
FULL: Answers = {409: problem_answer(f"There are {MAX_SEGMENTS} segments already.")}
IN_USE: Answers = {
    409: problem_answer(
        "The rules of other segments name it, `used_by`, or models learn of its users, `used_by_models`.",
        {name: {"type": "array", "items": {"type": "string"}} for name in ("used_by", "used_by_models")},
    )
}


@dataclass(frozen=True)
class SegmentEdits:
    """Preconditions count only where the edit could be made otherwise (RFC 9110, 13.2.1)."""

    store: CatalogStore
    keep: KeepList

    async def put(
        self, segment_id: str, definition: SegmentDefinition, conditions: Preconditions, note: Note
    ) -> Change:
        """Raises ProblemError: 409, 412, 422."""

        def edit(catalog: Catalog) -> Catalog:
            edited = catalog.put(segment_id, definition, self.keep)
            conditions.check(catalog.segments.get(segment_id))
            return edited

        with refusals():
            return await self.store.change(edit, note)

    async def delete(self, segment_id: str, conditions: Preconditions, note: Note) -> Change:
        """Raises ProblemError: 404, 409, 412."""

        def edit(catalog: Catalog) -> Catalog:
            segment, edited = known(catalog, segment_id), catalog.delete(segment_id)
            conditions.check(segment)
            return edited

        with refusals():
            return await self.store.change(edit, note)


def known(catalog: Catalog, segment_id: str) -> Segment:
    """The segment with an id. Raises ProblemError (404)."""
    segment = catalog.segments.get(segment_id)
    if segment is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "there is no segment with this id")
    return segment


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the catalog refuses into problems."""
    try:
        yield
    except RuleError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"rule: {error}", members=asdict(error)) from None
    except SegmentInUse as error:
        users = {"used_by": error.users, "used_by_models": error.models}
        raise ProblemError(HTTPStatus.CONFLICT, str(error), members=users) from None
    except TooManySegments as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None
