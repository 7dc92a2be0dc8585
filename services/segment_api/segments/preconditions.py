"""Conditions on what is to be edited, by which no edit is lost: If-Match and If-None-Match (RFC 9110).

The entity tag of a definition, of a segment or of a model, is the version of its last edit.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import Header

from services.runtime.problems import ProblemError

IfMatch = Annotated[
    str | None,
    Header(description="do it only if the ETag is one of these; `*`: only if there is such a definition"),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="do it only if the ETag is none of these; `*`: only if there is no such definition"),
]


class Edited(Protocol):
    """A segment or a model."""

    @property
    def version(self) -> int:
        """The catalog's at its last edit."""


def entity_tag(edited: Edited) -> str:
    return f'"{edited.version}"'


@dataclass(frozen=True)
class Preconditions:
    """The values of the two headers; None where one is not sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, edited: Edited | None) -> None:
        """Raises ProblemError (412) where it, None where there is none, is not what the edit is meant for."""
        matches = self.if_match is None or _names(self.if_match, edited)
        if matches and (self.if_none_match is None or not _names(self.if_none_match, edited)):
            return
        version = None if edited is None else edited.version
        now = "there is none" if edited is None else f"its ETag is {entity_tag(edited)}"
        detail = f"the definition is not as the conditions of the request want it: {now}"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, members={"version": version})


def _names(tags: str, edited: Edited | None) -> bool:
    """Whether a list of entity tags names that of the definition. A weak one, W/"1", names none of ours."""
    return edited is not None and (tags.strip() == "*" or entity_tag(edited) in map(str.strip, tags.split(",")))
