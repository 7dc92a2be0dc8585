"""A file of segments, as `--segments` takes it: what it holds, and at which line each segment stands."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from services.runtime.errors import OperatorError
from services.segmentation.catalog import SegmentDefinition
from services.segmentation.events import SEGMENT_ID_PATTERN

SEGMENTS = "segments"
_ID = TypeAdapter(Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)])


class BadSegmentsFile(OperatorError):
    """The file as a whole cannot be used; the message names it and what is wrong."""


@dataclass(frozen=True, slots=True)
class WrittenSegment:
    """What a file says of one segment; nothing of it is checked yet. Lines count from 1."""

    name: object
    """Its id, if it is one: YAML also knows names that are numbers or truths."""
    content: Any
    line: int

    @property
    def id(self) -> str:
        return str(self.name)

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
    try:
        document, lines = _load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSegmentsFile(f"{path}: {error}") from None
    except Exception as error:  # PyYAML's own: a date that does not exist, a tag that does not fit, endless nesting
        raise BadSegmentsFile(f"{path}: cannot be read: {type(error).__name__}: {error}") from None
    if not (isinstance(document, dict) and set(document) == {SEGMENTS} and isinstance(document[SEGMENTS], dict)):
        raise BadSegmentsFile(f"{path}: expected one key, {SEGMENTS}, with a segment by id below it")
    return [WrittenSegment(name, content, lines.get(str(name), 1)) for name, content in document[SEGMENTS].items()]


def read_definitions(path: Path) -> dict[str, SegmentDefinition]:
    """The same as definitions by id; rules are not read yet. Raises BadSegmentsFile at the first that is wrong."""
    segments = read_segments(path)
    for segment in segments:
        for complaint in segment.complaints:
            raise BadSegmentsFile(f"{path}: line {segment.line}: segment {segment.id}: {complaint}")
    return {segment.id: SegmentDefinition.model_validate(segment.content) for segment in segments}


def _load(text: str) -> tuple[Any, Mapping[str, int]]:
    """The document, and the line of each name below `segments`."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return (None, {}) if root is None else (loader.construct_document(root), _lines(root))
    finally:
        loader.dispose()


def _lines(root: yaml.Node) -> dict[str, int]:
    sections = root.value if isinstance(root, yaml.MappingNode) else []
    named = [section.value for key, section in sections if key.value == SEGMENTS and isinstance(section.value, list)]
    return {key.value: key.start_mark.line + 1 for rows in named for key, _ in rows}


def _complaints(place: str, adapter: TypeAdapter[Any], content: object) -> list[str]:
    try:
        adapter.validate_python(content)
    except ValidationError as error:
        return [f"{'.'.join([place, *map(str, each['loc'])]).strip('.')}: {each['msg']}" for each in error.errors()]
    return []


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)
