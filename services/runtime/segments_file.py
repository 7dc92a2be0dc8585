"""The file of segments that an operator writes, in YAML or JSON: read as far as it is the same to all who read it."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from services.runtime.errors import OperatorError

SEGMENTS = "segments"


class BadSegmentsFile(OperatorError):
    """The file cannot be used; the message names it and what is wrong."""


class Written(NamedTuple):
    content: Any
    """What stands below the one key, `segments`: segments by id, if all is well."""
    lines: Mapping[str, int]
    """The line that each of them begins at, from 1."""


def read_segments_file(path: Path) -> Written:
    """Raises BadSegmentsFile."""
    try:
        document, lines = _load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSegmentsFile(f"{path}: {error}") from None
    except Exception as error:  # PyYAML's own: a date that does not exist, a tag that does not fit, endless nesting
        raise BadSegmentsFile(f"{path}: cannot be read: {type(error).__name__}: {error}") from None
    if not isinstance(document, dict) or set(document) != {SEGMENTS}:
        raise BadSegmentsFile(f"{path}: expected one key, {SEGMENTS}, with a segment by id below it")
    return Written(document[SEGMENTS], lines)


def _load(text: str) -> tuple[Any, Mapping[str, int]]:
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


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)
