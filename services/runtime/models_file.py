"""The file of models that an operator writes."""

from pathlib import Path

from services.runtime.definitions_file import BadDefinitionsFile, Written, read_definitions_file

MODELS = "models"


class BadModelsFile(BadDefinitionsFile):
    """It cannot be used; the message names it and what is wrong."""


def read_models_file(path: Path) -> Written:
    """Raises BadModelsFile."""
    try:
        return read_definitions_file(path, MODELS)
    except BadDefinitionsFile as error:
        raise BadModelsFile(str(error)) from None
