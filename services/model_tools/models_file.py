"""A file of models: what it holds, at which line each model stands, and what is wrong with it, features aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from services.runtime.definitions_file import WrittenDefinition
from services.runtime.models_file import MODELS, BadModelsFile, read_models_file
from services.segmentation.models.definition import MODEL, MODEL_ID_PATTERN, ModelDefinition
from services.segmentation.rules.nearest import did_you_mean, nearest

_ID = TypeAdapter(Annotated[str, Field(pattern=MODEL_ID_PATTERN)])
_SORTS: Mapping[str, Any] = {
    get_args(each.model_fields["kind"].annotation)[0]: each for each in get_args(get_args(ModelDefinition)[0])
}


@dataclass(frozen=True, slots=True)
class WrittenModel(WrittenDefinition):
    @property
    def complaints(self) -> list[str]:
        """What is wrong with it as far as it stands for itself: the text of its features is not read."""
        return [*_complaints("id", _ID, self.name), *_complaints("", MODEL, self.content)]

    @property
    def definition(self) -> ModelDefinition:
        """There is one where there are no complaints."""
        return MODEL.validate_python(self.content)


def read_models(path: Path) -> list[WrittenModel]:
    """The models of a YAML or JSON file with the one key `models`. Raises BadModelsFile."""
    content, lines = read_models_file(path)
    if not isinstance(content, dict) or not content:
        raise BadModelsFile(f"{path}: {MODELS}: expected a model by id below it")
    return [WrittenModel(name, each, lines.get(str(name), 1)) for name, each in content.items()]


def read_model_definitions(path: Path) -> dict[str, ModelDefinition]:
    """The same as definitions by id. Raises BadModelsFile at the first that is wrong."""
    models = read_models(path)
    for model in models:
        for complaint in model.complaints:
            raise BadModelsFile(f"{path}: line {model.line}: model {model.id}: {complaint}")
    return {model.id: model.definition for model in models}


def _complaints(place: str, adapter: TypeAdapter[Any], content: object) -> list[str]:
    try:
        adapter.validate_python(content)
    except ValidationError as error:
        return [_complaint(place, each) for each in error.errors()]
    return []


def _complaint(place: str, error: ErrorDetails) -> str:
    """In the words of who writes a model: which field, what is wrong, what there is instead."""
    kind, *path = [*map(str, error["loc"]), ""] if error["loc"] else [""]
    where = ".".join(filter(None, (place, *([] if kind in _SORTS else [kind]), *path)))
    match error["type"]:
        case "union_tag_not_found":
            return f"kind: missing; it is one of {', '.join(_SORTS)}"
        case "union_tag_invalid":
            found = str(error["input"].get("kind"))
            return _with_hint(f"kind: found {found}, expected one of {', '.join(_SORTS)}", found, _SORTS)
        case "extra_forbidden" if kind in _SORTS and path[0] not in _SORTS[kind].model_fields:
            return _with_hint(
                f"{where}: there is no such field in a model of the kind {kind}", path[0], _SORTS[kind].model_fields
            )
        case "missing":
            return f"{where}: missing"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": ")


def _with_hint(text: str, name: str, known: Mapping[str, Any]) -> str:
    hint = did_you_mean(nearest(name, known))
    return text if hint is None else f"{text}; {hint}"
