"""The file of segments that an operator starts with: read, checked as a whole, then put into the catalog."""

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from services.runtime.errors import OperatorError
from services.segmentation.catalog import SEGMENT_ID_PATTERN, Catalog, SegmentDefinition, TooManySegments
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError

SegmentId = Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)]

_SEGMENTS = TypeAdapter(dict[SegmentId, SegmentDefinition])


class BadSegmentsFile(OperatorError):
    """The file cannot be used; the message names the file, the segment and what is wrong."""


def read_segments(path: Path) -> dict[str, SegmentDefinition]:
    """Definitions by id from a YAML or JSON file with the one key `segments`. Raises BadSegmentsFile."""
    try:
        document: Any = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - it is a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSegmentsFile(f"{path}: {error}") from None
    except Exception as error:  # PyYAML's own: a date that does not exist, a tag that does not fit, endless nesting
        raise BadSegmentsFile(f"{path}: cannot be read: {type(error).__name__}: {error}") from None
    if not isinstance(document, dict) or set(document) != {"segments"}:
        raise BadSegmentsFile(f"{path}: expected one key, segments, with a segment by id below it")
    try:
        return _SEGMENTS.validate_python(document["segments"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["segments", *map(str, first["loc"])])
        raise BadSegmentsFile(f"{path}: {place}: {first['msg']}") from None


def put_all(catalog: Catalog, definitions: dict[str, SegmentDefinition], keep: KeepList) -> Catalog:
    """The catalog with every definition; the same object when nothing changes.

    Raises BadSegmentsFile, whose message does not name the file.
    """
    for segment_id, definition in definitions.items():
        try:
            catalog = catalog.put(segment_id, definition, keep)
        except (RuleError, TooManySegments) as error:
            raise BadSegmentsFile(f"segment {segment_id}: {error}") from None
    return catalog


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)
