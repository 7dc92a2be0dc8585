"""A file of definitions that an operator writes, in YAML or JSON: read as far as it is the same for all of them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from services.runtime.errors import OperatorError


class BadDefinitionsFile(OperatorError):
    """The file cannot be used; the message names it and what is wrong."""


class Written(NamedTuple):
    content: Any
    """What stands below the one key: definitions by id, if all is well."""
    lines: Mapping[str, int]
    """The line that each of them begins at, from 1."""


@dataclass(frozen=True, slots=True)
class WrittenDefinition:
    """What a file says of one of them; nothing of it is checked yet. Lines count from 1."""

    name: object
    """Its id, if it is one: YAML also knows names that are numbers or truths."""
    content: Any
    line: int

    @property
    def id(self) -> str:
        return str(self.name)


def read_definitions_file(path: Path, section: str) -> Written:
    """What stands below the key `section`, which has to be the only one. Raises BadDefinitionsFile."""
    try:
        document, lines = _load(path.read_text(encoding="utf-8"), section)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadDefinitionsFile(f"{path}: {error}") from None
    except Exception as error:  # PyYAML's own: a date that does not exist, a tag that does not fit, endless nesting
        raise BadDefinitionsFile(f"{path}: cannot be read: {type(error).__name__}: {error}") from None
    if not isinstance(document, dict) or set(document) != {section}:
        singular = section.removesuffix("s")
        raise BadDefinitionsFile(f"{path}: expected one key, {section}, with a {singular} by id below it")
    return Written(document[section], lines)


def _load(text: str, section: str) -> tuple[Any, Mapping[str, int]]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return (None, {}) if root is None else (loader.construct_document(root), _lines(root, section))
    finally:
        loader.dispose()


def _lines(root: yaml.Node, section: str) -> dict[str, int]:
    parts = root.value if isinstance(root, yaml.MappingNode) else []
    named = [part.value for key, part in parts if key.value == section and isinstance(part.value, list)]
    return {key.value: key.start_mark.line + 1 for rows in named for key, _ in rows}


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)
