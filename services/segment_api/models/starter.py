"""The file of models that an operator starts with: read, checked as a whole, then put into a catalog."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from services.runtime.models_file import MODELS, BadModelsFile, read_models_file
from services.segment_api.models.checks import refuse_parameters
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.model_edits import put_models_file
from services.segmentation.models.definition import ModelDefinition, ModelId
from services.segmentation.models.registry import BadModel, Registry, TooManyModels

Models = Mapping[str, ModelDefinition]

_MODELS: TypeAdapter[dict[str, ModelDefinition]] = TypeAdapter(dict[ModelId, ModelDefinition])


def read_models(path: Path) -> Models:
    """Definitions by id from a YAML or JSON file with the one key `models`. Raises BadModelsFile."""
    written = read_models_file(path)
    try:
        return _MODELS.validate_python(written.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([MODELS, *map(str, first["loc"])])
        raise BadModelsFile(f"{path}: {place}: {first['msg']}; `tranche models check` says more") from None


def put_models(catalog: Catalog, path: Path, definitions: Models, keep: KeepList) -> Registry:
    """The registry with what the file says anew; the same object when that is nothing. Raises BadModelsFile.

    Whether there are the segments that it learns of is not asked: they may be put in the same edit.
    """
    try:
        refuse_parameters(definitions)
        return put_models_file(catalog, definitions, keep).registry
    except (BadModel, TooManyModels) as error:
        raise BadModelsFile(f"{path}: {error}") from None
