"""The history of a segment: an entry for each edit, newest first, written in one step with the edit itself.

It outlives the segment, so that one that was deleted can be brought back. Everything that decides what an entry tells
lives here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.wire import keys

MAX_ENTRIES = 1_000


class HistoryEntry(BaseModel):
    """An edit of a segment."""

    model_config = ConfigDict(frozen=True)

    version: int = Field(description="the catalog version that the edit made")
    at: int = Field(description="when it was made, milliseconds")
    action: Literal["put", "delete", "rollback"]
    author: str | None = Field(description="who made it, as they said; the file's name where the file did")
    reason: str | None
    by: Literal["api", "file"] = Field(description="which way it came")
    definition: SegmentDefinition | None = Field(description="what was in force after it; null after a deletion")


@dataclass(frozen=True)
class Note:
    """What the history is to tell of an edit beside the edit itself."""

    author: str | None = None
    reason: str | None = None
    by: Literal["api", "file"] = "api"
    action: Literal["put", "rollback"] = "put"
    """What it is where it deletes nothing."""


UNSIGNED = Note()


def key(segment_id: str) -> str:
    """A list in the slot of the catalog, so that one script can write both."""
    return f"{{{keys.CATALOG}}}:history:{segment_id}"


def entries(before: Catalog, after: Catalog, note: Note, at_ms: int) -> Mapping[str, bytes]:
    """What the history of each segment is to tell of an edit, encoded, by segment."""
    touched = {**before.segments, **after.segments}
    return {
        segment_id: _entry(after, segment_id, note, at_ms).model_dump_json().encode()
        for segment_id in touched
        if after.segments.get(segment_id) is not before.segments.get(segment_id)
    }


def _entry(after: Catalog, segment_id: str, note: Note, at_ms: int) -> HistoryEntry:
    segment = after.segments.get(segment_id)
    return HistoryEntry(
        version=after.version,
        at=at_ms,
        action="delete" if segment is None else note.action,
        author=note.author,
        reason=note.reason,
        by=note.by,
        definition=None if segment is None else segment.definition,
    )
