"""What the endpoints of models take in their path."""

from typing import Annotated

from fastapi import Path

from services.segmentation.models.definition import MODEL_ID_PATTERN

ModelId = Annotated[str, Path(pattern=MODEL_ID_PATTERN)]
ClusterId = Annotated[str, Path(pattern=r"^c[1-9][0-9]{0,17}$", description="such as c3")]
