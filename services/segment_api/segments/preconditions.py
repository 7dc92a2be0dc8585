"""Conditions on the segment that is to be edited, by which no edit is lost: If-Match and If-None-Match (RFC 9110).

The entity tag of a segment is the version of its last edit.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Header

from services.runtime.problems import ProblemError
from services.segmentation.catalog import Segment

IfMatch = Annotated[
    str | None,
    Header(description="do it only if the segment's ETag is one of these; `*`: only if there is such a segment"),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="do it only if the segment's ETag is none of these; `*`: only if there is no such segment"),
]


def entity_tag(segment: Segment) -> str:
    return f'"{segment.version}"'


@dataclass(frozen=True)
class Preconditions:
    """The values of the two headers; None where one is not sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, segment: Segment | None) -> None:
        """Raises ProblemError (412) where the segment, None where there is none, is not what the edit is meant for."""
        matches = self.if_match is None or _names(self.if_match, segment)
        if matches and (self.if_none_match is None or not _names(self.if_none_match, segment)):
            return
        version = None if segment is None else segment.version
        now = "there is no such segment" if segment is None else f"its ETag is {entity_tag(segment)}"
        detail = f"the segment is not as the conditions of the request want it: {now}"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, members={"version": version})


def _names(tags: str, segment: Segment | None) -> bool:
    """Whether a list of entity tags names that of the segment. A weak one, W/"1", names none of ours."""
    return segment is not None and (tags.strip() == "*" or entity_tag(segment) in map(str.strip, tags.split(",")))
