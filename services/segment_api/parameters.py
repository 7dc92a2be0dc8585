"""Parameters that several endpoints take, and what a query or a body tells of the ad request."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.datastructures import QueryParams

from services.runtime.problems import ProblemError
from services.segmentation.events import SPACE_PATTERN, USER_ID_PATTERN, Timestamp

REQUEST = "request."
MAX_REQUEST_DEPTH = 16


def _number(value: object) -> object:
    """A query parameter is text: nothing but digits stands for milliseconds."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Moment = Annotated[Timestamp, BeforeValidator(_number)]
UserId = Annotated[str, Field(pattern=USER_ID_PATTERN)]
Space = Annotated[str, Field(pattern=SPACE_PATTERN)]


def told_in_query(parameters: QueryParams) -> dict[str, object]:
    """What a query tells of the ad request, by dotted path: every parameter that begins with `request.`."""
    return {name.removeprefix(REQUEST): value for name, value in parameters.items() if name.startswith(REQUEST)}


def told_in_json(content: Mapping[str, object]) -> dict[str, object]:
    """The same of a JSON object, nested or dotted. Raises ProblemError where it nests too deeply."""
    return dict(_paths(content, ""))


def _paths(node: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    if prefix.count(".") > MAX_REQUEST_DEPTH:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"request: nested deeper than {MAX_REQUEST_DEPTH} levels")
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
