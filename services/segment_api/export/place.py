"""Where an export goes on: all that it takes to go on after a page, as one word that a client keeps."""

import re
from typing import NamedTuple, Self

_TOKEN = re.compile(
    r"(\d{1,15})\.(\d{1,15})\.([a-z0-9][a-z0-9_-]{0,63})\.(\d{1,4})\.(\d{1,19})\.([0-9a-f]{0,40})\.(\d{1,15})\.(\d{1,15})",
    re.ASCII,
)


class BadToken(ValueError):
    """No export gave this word."""


class Place(NamedTuple):
    version: int
    """The catalog version of the last edit to the segment: another rule has other members."""
    at_ms: int
    space: str
    partition: int = 0
    cursor: int = 0
    server: str = ""
    """The run of the server that gave the cursor."""
    members: int = 0
    """Members that the export has told so far."""
    unreadable: int = 0
    """Users so far whose state cannot be read."""

    def token(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def read(cls, token: str) -> Self:
        """Read what `token` wrote. Raises BadToken."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise BadToken("from: no token of an export")
        version, at_ms, space, partition, cursor, server, members, unreadable = match.groups()
        return cls(int(version), int(at_ms), space, int(partition), int(cursor), server, int(members), int(unreadable))
