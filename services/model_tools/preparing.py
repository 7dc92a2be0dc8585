"""What training takes, read and found to fit together before anything is learned or written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.model_tools.folder import ModelFolder
from services.model_tools.models_file import read_model_definitions
from services.model_tools.named_segments import objections, read_catalog, untold
from services.model_tools.study import Study
from services.replay.source import RecordedLog
from services.runtime.errors import OperatorError
from services.runtime.models_file import BadModelsFile
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.features import BadFeature


class CannotTrain(OperatorError):
    """The message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    models: Path
    out: Path
    keep: str
    time_zones: str
    log: RecordedLog | None = None
    """What to learn from; None for the simulated shop."""
    segments: Path | None = None
    only: Sequence[str] = ()
    """The ids of the models to train; all without any."""


def chosen(options: TrainOptions) -> Mapping[str, ModelDefinition]:
    """The models to train. Raises BadModelsFile and CannotTrain."""
    definitions = read_model_definitions(options.models)
    for name in options.only:
        if name not in definitions:
            raise CannotTrain(f"--model: {options.models} has no {name}; it has {', '.join(definitions)}")
    return {name: each for name, each in definitions.items() if name in (options.only or definitions)}


def catalog_for(options: TrainOptions, definitions: Mapping[str, ModelDefinition], keep: KeepList) -> Catalog:
    catalog = read_catalog(options.segments, keep, read_model_definitions(options.models))
    for name, definition in definitions.items():
        for objection in objections(definition, catalog) or untold(definition, catalog):
            raise CannotTrain(f"{options.models}: model {name}: {objection}")
    return catalog


def study_of(
    options: TrainOptions, name: str, definition: ModelDefinition, keep: KeepList, folder: ModelFolder
) -> Study:
    try:
        return Study(name, definition, keep, folder.put_snapshot)
    except BadFeature as error:
        wrong = f"feature {error.name}: {error.error}"
    except ValueError as error:
        wrong = str(error)
    raise BadModelsFile(f"{options.models}: model {name}: {wrong}; `tranche models check` shows the place")
