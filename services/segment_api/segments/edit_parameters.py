"""What the endpoints of segments take in their path and query."""

from typing import Annotated

from fastapi import Depends, Path, Query

from services.segment_api.segments.history import Note
from services.segmentation.events import SEGMENT_ID_PATTERN

SegmentId = Annotated[str, Path(pattern=SEGMENT_ID_PATTERN)]


def _note(
    author: Annotated[str | None, Query(max_length=100, description="who makes the edit, for the history")] = None,
    reason: Annotated[str | None, Query(max_length=500, description="what for, for the history")] = None,
) -> Note:
    return Note(author, reason)


Noted = Annotated[Note, Depends(_note)]
