"""The file of segments that an operator starts with: read, checked as a whole, then put into a catalog."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from services.runtime.segments_file import SEGMENTS, BadSegmentsFile, read_segments_file
from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition, TooManySegments
from services.segmentation.events import SEGMENT_ID_PATTERN
from services.segmentation.keep import KeepList

SegmentId = Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)]
Segments = Mapping[str, SegmentDefinition]

_SEGMENTS: TypeAdapter[dict[str, SegmentDefinition]] = TypeAdapter(dict[SegmentId, SegmentDefinition])


def read_segments(path: Path) -> Segments:
    """Definitions by id from a YAML or JSON file with the one key `segments`. Raises BadSegmentsFile."""
    written = read_segments_file(path)
    try:
        return _SEGMENTS.validate_python(written.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([SEGMENTS, *map(str, first["loc"])])
        raise BadSegmentsFile(f"{path}: {place}: {first['msg']}") from None


def put_segments(catalog: Catalog, path: Path, definitions: Segments, keep: KeepList) -> Catalog:
    """The catalog with what the file says anew; the same object when that is nothing. Raises BadSegmentsFile."""
    try:
        return catalog.put_file(definitions, keep)
    except (BadRule, TooManySegments) as error:
        deleted = [name for name in definitions if name in catalog.from_file and name not in catalog.segments]
        deleted += [name for name in catalog.registry.from_file if name not in catalog.registry.models]
        hint = f"; deleted through the API, and so left out of the file: {', '.join(deleted)}" if deleted else ""
        raise BadSegmentsFile(f"{path}: {error}{hint}") from None
