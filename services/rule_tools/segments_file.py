"""A file of segments, as `--segments` takes it: what it holds, and at which line each segment stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from services.runtime.definitions_file import WrittenDefinition
from services.runtime.segments_file import SEGMENTS, BadSegmentsFile, read_segments_file
from services.segmentation.catalog import SegmentDefinition
from services.segmentation.events import SEGMENT_ID_PATTERN

_ID = TypeAdapter(Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)])


@dataclass(frozen=True, slots=True)
class WrittenSegment(WrittenDefinition):
    @property
    def rule(self) -> str | None:
        """The text of the rule, if there is any."""
        rule = self.content.get("rule") if isinstance(self.content, dict) else None
        return rule if isinstance(rule, str) else None

    @property
    def complaints(self) -> list[str]:
        """What is wrong with it, its rule aside."""
        return [*_complaints("id", _ID, self.name), *_complaints("", TypeAdapter(SegmentDefinition), self.content)]


def read_segments(path: Path) -> list[WrittenSegment]:
    """The segments of a YAML or JSON file with the one key `segments`. Raises BadSegmentsFile."""
    content, lines = read_segments_file(path)
    if not isinstance(content, dict):
        raise BadSegmentsFile(f"{path}: {SEGMENTS}: expected a segment by id below it")
    return [WrittenSegment(name, each, lines.get(str(name), 1)) for name, each in content.items()]


def read_definitions(path: Path) -> dict[str, SegmentDefinition]:
    """The same as definitions by id; rules are not read yet. Raises BadSegmentsFile at the first that is wrong."""
    segments = read_segments(path)
    for segment in segments:
        for complaint in segment.complaints:
            raise BadSegmentsFile(f"{path}: line {segment.line}: segment {segment.id}: {complaint}")
    return {segment.id: SegmentDefinition.model_validate(segment.content) for segment in segments}


def _complaints(place: str, adapter: TypeAdapter[Any], content: object) -> list[str]:
    try:
        adapter.validate_python(content)
    except ValidationError as error:
        return [f"{'.'.join([place, *map(str, each['loc'])]).strip('.')}: {each['msg']}" for each in error.errors()]
    return []
