"""How the endpoints of lists describe themselves in OpenAPI: what they take, and every answer."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from services.runtime.problems import problem_answer
from services.segment_api.lists.pour import MAX_ERRORS
from services.segment_api.lists.store import MAX_LISTS, MAX_UPLOADS, Upload
from services.segment_api.lists.upload import READ_TIMEOUT_S
from services.segmentation.events import LIST_ID_PATTERN

UPLOAD_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"

ListId = Annotated[str, Path(pattern=LIST_ID_PATTERN)]
UploadId = Annotated[
    str | None,
    Query(
        pattern=UPLOAD_PATTERN,
        description="names the upload, so that it can be repeated or resumed: the same entries with the same moment; "
        f"remembered for the last {MAX_UPLOADS} uploads to the list. Made up and answered where it is left out",
    ),
]
MAX_LINES = 10**12
Skip = Annotated[
    int, Query(ge=0, le=MAX_LINES, description="so many lines of the body were taken by an earlier attempt")
]
Author = Annotated[str | None, Query(max_length=100, description="who makes the upload, for the record")]

ADD = """The ids are on the list from now on: as long as `expires` or `for` say, else until they are taken off. A line
of NDJSON may have an `expires` of its own. Rules ask `listed("list-id")`.

The body may be of any length. It goes into the event log at the pace of the workers, behind the events of websites,
and is answered at its end; `GET /v1/lists/{list_id}` tells how far it is. A bad line is told and stops nothing. After
503, or no answer, send the same body again with the answered `upload` and, as `skip`, the answered `lines`. To send
it whole with the same `upload` is as good: what is there twice changes nothing.

Of two uploads, the one that began later is right about whoever is in both. A list cannot be replaced as a whole, since
only the users' own profiles know who is on it. To renew it, upload with an expiry a little after the next renewal, so
that whoever is in no later upload leaves by themselves; or take the old ids off."""
REMOVE = "The same bodies and answers as to put them on; an `expires` in a line does not matter."
FORGET = """Only while no segment names the list. What was uploaded is forgotten, users are not touched: what puts
them on the list expires, or stays without use. Take the ids off first where the list's id is to be used again."""


class LineError(BaseModel):
    line: int = Field(description="from 1; of a JSON array, the element")
    error: str


class UploadAnswer(BaseModel):
    """What became of the lines of this request."""

    upload: str
    lines: int = Field(description="lines of the body that are done with, those skipped included")
    accepted: int
    rejected: int
    errors: list[LineError] = Field(description=f"the first {MAX_ERRORS} of the rejected")


class ListView(BaseModel):
    """A list. Its number of members is the size of a segment whose rule is that one is listed."""

    id: str
    used_by: list[str] = Field(description="the ids of the segments whose rules name it")
    uploads: list[Upload] = Field(description=f"the last {MAX_UPLOADS}, newest first")


class Lists(BaseModel):
    lists: list[ListView] = Field(description="sorted by id: all that something was uploaded to or a rule names")


def body() -> dict[str, Any]:
    """The OpenAPI description of the bodies: a schema cannot tell of lines, so their descriptions do."""
    lines = "an id in the first column of each line; further columns, and a first line `user_id`, are passed over"
    text = {"schema": {"type": "string", "description": lines}, "example": "user_id\nu-1\nu-2\n"}
    objects = "in each line an object with `user_id` and, where it is to have one of its own, `expires`"
    ndjson = {"schema": {"type": "string", "description": objects}, "example": '{"user_id": "u-1"}\n'}
    array = {"schema": {"type": "array", "items": {"type": "string"}}, "example": ["u-1", "u-2"]}
    content = {"text/plain": text, "text/csv": text, "application/x-ndjson": ndjson, "application/json": array}
    return {"requestBody": {"required": True, "content": content}}


def upload_answers() -> dict[int | str, dict[str, Any]]:
    """Every answer to an upload but 202, by status. Those that come when it has begun tell what became of it so far."""
    schema = UploadAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    so_far: dict[str, Any] = schema["properties"]
    loc_and_msg = {"type": "object", "required": ["loc", "msg"]}
    errors = {"type": "array", "items": {"anyOf": [so_far["errors"]["items"], loc_and_msg]}}
    retry_after = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait before going on"}}
    return {
        400: problem_answer("The request was cut off.", so_far),
        408: problem_answer(f"Nothing came for {READ_TIMEOUT_S:g} s.", so_far),
        409: problem_answer(f"The upload of this id was another one, or there are {MAX_LISTS} lists already."),
        415: problem_answer("The body is of another content type, or has a content-encoding."),
        422: problem_answer(
            "No line is valid, the rest is not JSON, or a parameter does not fit.", optional=so_far | {"errors": errors}
        ),
        503: {
            **problem_answer(
                "The log cannot take the rest now, or there are too many uploads at once.", optional=so_far
            ),
            "headers": retry_after,
        },
    }
