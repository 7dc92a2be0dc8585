"""The JSON Schemas that `schemas/` publishes, made from the models."""

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from services.segmentation.catalog import SegmentDefinition
from services.segmentation.events import EventMessage
from services.segmentation.models.definition import MODEL

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each published document, by file name."""
    models: dict[str, type[BaseModel]] = {"event.json": EventMessage, "segment.json": SegmentDefinition}
    made = {name: model.model_json_schema() for name, model in models.items()} | {"model.json": MODEL.json_schema()}
    return {name: {"$schema": DIALECT, **schema} for name, schema in made.items()}


def write_schemas(folder: Path) -> None:
    for name, schema in schemas().items():
        (folder / name).write_bytes(orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n")
