"""The models that a rule may name: their definitions, and what `tranche models train` left of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from services.runtime.models_file import BadModelsFile, read_models_file
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.model_edits import put_models
from services.segmentation.models.definition import ModelDefinition, ModelId
from services.segmentation.models.registry import BadModel, Registry, TooManyModels
from services.segmentation.models.snapshots import Snapshot, Trained
from services.segmentation.models.wire import BadSnapshot, decode_snapshot

FIRST = 1
"""The version of a catalog that somebody tries."""

_MODELS: TypeAdapter[dict[str, ModelDefinition]] = TypeAdapter(dict[ModelId, ModelDefinition])


def read_registry(path: Path | None, keep: KeepList, trained: Path | None = None) -> Registry:
    """The models of a file, with the newest snapshot of each in a folder that is one of it as it is now.

    None without a file. Raises BadModelsFile, also where a feature names what `keep` does not hold.
    """
    definitions = {} if path is None else _definitions(path)
    snapshots = [] if trained is None else list(_newest(trained, definitions))
    found = {
        each.model: Trained(definitions[each.model], each)
        for each in snapshots
        if each.definition == definitions[each.model].digest
    }
    numbers = {model: each.snapshot.version for model, each in found.items()}
    try:
        registry = put_models(Catalog(), definitions, keep).registry
    except (BadModel, TooManyModels) as error:
        raise BadModelsFile(f"{path}: {error}") from None
    return registry.published(numbers, FIRST).with_trained(found)


def _definitions(path: Path) -> dict[str, ModelDefinition]:
    try:
        return _MODELS.validate_python(read_models_file(path).content)
    except ValidationError as error:
        places = ", ".join(dict.fromkeys(str(each["loc"][0]) for each in error.errors() if each["loc"]))
        raise BadModelsFile(f"{path}: not as models are written: {places}; `tranche models check` says why") from None


def _newest(folder: Path, models: Mapping[str, object]) -> Iterator[Snapshot]:
    for model in models:
        versions = [file for file in (folder / model).glob("*.json") if file.stem.isdecimal()]
        if versions:
            yield _read(max(versions, key=lambda file: int(file.stem)))


def _read(file: Path) -> Snapshot:
    try:
        return decode_snapshot(file.read_bytes())
    except OSError as error:
        raise BadModelsFile(f"{file}: {error.strerror}") from None
    except BadSnapshot as error:
        raise BadModelsFile(f"{file}: {error}") from None
