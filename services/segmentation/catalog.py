"""The catalog: every segment's definition, and the version that grows with each edit.

A segment has an ordinal, given once and never reused, by which packed memberships name it. Its own `version` is the
catalog's at its last edit, so that a membership can be told to be older than the definition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.segmentation.events import Purpose
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.rules.evaluate import Evaluator, evaluator
from services.segmentation.rules.parse import parse

SEGMENT_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
MAX_SEGMENTS = 10_000


class SegmentDefinition(BaseModel):
    """What a marketer writes to define a segment."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Segment")

    name: str = Field(min_length=1, max_length=200)
    rule: str = Field(min_length=1, max_length=10_000, description="when a user is in it; see the rule language")
    description: str = Field("", max_length=2_000)
    purposes: list[Purpose] = Field(
        default_factory=list,
        max_length=63,
        description="IAB TCF purposes that a user with a consent record must have granted",
    )
    taxonomy: dict[str, list[str]] = Field(default_factory=dict, description="ids in public taxonomies")


class TooManySegments(ValueError):
    """The catalog is full."""


@dataclass(frozen=True)
class Segment:
    id: str
    ordinal: int
    version: int
    definition: SegmentDefinition

    @cached_property
    def moments(self) -> Evaluator:
        """When the rule holds for a profile, from the profile's latest event on.

        Made at first use: lookups follow every edit of the catalog and hardly ever evaluate. The rule was checked
        when it was put, so whatever was kept then is fine.
        """
        return evaluator(parse(self.definition.rule, KEEP_ALL))


@dataclass(frozen=True)
class Catalog:
    version: int = 0
    next_ordinal: int = 0
    segments: Mapping[str, Segment] = field(default_factory=dict)

    @cached_property
    def by_ordinal(self) -> Mapping[int, Segment]:
        return {segment.ordinal: segment for segment in self.segments.values()}

    def put(self, segment_id: str, definition: SegmentDefinition, keep: KeepList) -> "Catalog":
        """The catalog with this definition; the same object when nothing changes.

        Raises RuleError, also where the rule names what `keep` does not hold, and TooManySegments.
        """
        evaluator(parse(definition.rule, keep))  # refuses here what workers could not evaluate later
        before = self.segments.get(segment_id)
        if before is not None and before.definition == definition:
            return self
        if before is None and len(self.segments) >= MAX_SEGMENTS:
            raise TooManySegments(f"there are {MAX_SEGMENTS} segments, which is the most")
        version = self.version + 1
        ordinal = self.next_ordinal if before is None else before.ordinal
        segment = Segment(segment_id, ordinal, version, definition)
        return Catalog(version, self.next_ordinal + (before is None), {**self.segments, segment_id: segment})

    def delete(self, segment_id: str) -> "Catalog":
        """The catalog without this segment; the same object when there is none."""
        if segment_id not in self.segments:
            return self
        rest = {name: segment for name, segment in self.segments.items() if name != segment_id}
        return replace(self, version=self.version + 1, segments=rest)

    def encode(self) -> bytes:
        """The catalog's one document, as JSON."""
        segments = [
            {
                "id": each.id,
                "ordinal": each.ordinal,
                "version": each.version,
                "definition": each.definition.model_dump(),
            }
            for each in self.segments.values()
        ]
        return orjson.dumps({"version": self.version, "next_ordinal": self.next_ordinal, "segments": segments})

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        document = orjson.loads(data)
        segments = _segments(document["segments"])
        return cls(document["version"], document["next_ordinal"], {segment.id: segment for segment in segments})


def _segments(rows: Iterable[dict[str, Any]]) -> Iterable[Segment]:
    for row in rows:
        definition = SegmentDefinition.model_validate(row["definition"])
        yield Segment(row["id"], row["ordinal"], row["version"], definition)
