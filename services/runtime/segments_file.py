"""The file of segments that an operator writes."""

from pathlib import Path

from services.runtime.definitions_file import BadDefinitionsFile, Written, read_definitions_file

SEGMENTS = "segments"


class BadSegmentsFile(BadDefinitionsFile):
    """It cannot be used; the message names it and what is wrong."""


def read_segments_file(path: Path) -> Written:
    """Raises BadSegmentsFile."""
    try:
        return read_definitions_file(path, SEGMENTS)
    except BadDefinitionsFile as error:
        raise BadSegmentsFile(str(error)) from None
