"""What a plain request line asks for. Whatever is not understood here at once is left to the route."""

import re
from urllib.parse import parse_qsl

from services.segment_api.lookups.answer import Question
from services.segment_api.lookups.paths import ONE
from services.segment_api.parameters import REQUEST
from services.segmentation.events import MAX_TS_MS, SPACE_PATTERN, USER_ID_PATTERN

MOST_QUERIES = 4_096
"""Queries that are remembered as understood. Few differ, but for moments and for what the ad request tells."""
LONGEST_QUERY = 512

_USER_ID = USER_ID_PATTERN.strip("^$")
_PATH = re.escape(ONE).replace(re.escape("{user_id}"), f"({_USER_ID})")
_LINE = re.compile(rf"GET {_PATH}(?:\?([A-Za-z0-9._~=&:-]{{0,{LONGEST_QUERY}}}))?".encode())
"""A query that holds anything else may have to be decoded."""
_SPACE = re.compile(SPACE_PATTERN)
_MILLISECONDS = re.compile("0|[1-9][0-9]{0,14}")


class Asked:
    """Reads request lines, each query but once."""

    def __init__(self) -> None:
        self._questions: dict[bytes, Question | None] = {}

    def read(self, line: bytes) -> tuple[str, Question] | None:
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        user_id, query = found.groups(b"")
        question = self._questions[query] if query in self._questions else self._remember(query)
        return None if question is None else (user_id.decode(), question)

    def _remember(self, query: bytes) -> Question | None:
        if len(self._questions) >= MOST_QUERIES:
            self._questions.clear()
        question = self._questions[query] = _question(query.decode())
        return question


def _question(query: str) -> Question | None:
    """None where it holds anything that the route would have to judge."""
    told = parse_qsl(query, keep_blank_values=True)
    given = dict(told)
    request = {name.removeprefix(REQUEST): value for name, value in given.items() if name.startswith(REQUEST)}
    space, at, fields = given.get("space", "default"), given.get("at"), given.get("fields")
    known = {"space", "at", "fields"} | {REQUEST + name for name in request}
    is_plain = len(given) == len(told) and given.keys() <= known and _SPACE.fullmatch(space) and fields in (None, "ids")
    if not is_plain or not (at is None or (_MILLISECONDS.fullmatch(at) and int(at) <= MAX_TS_MS)):
        return None
    return Question(space, None if at is None else int(at), fields == "ids", request, as_text=True)
