"""A record of the samples log, as workers append it."""

import orjson

from services.segmentation.models.samples import Told, told_in


def read_sample(value: bytes) -> tuple[str, Told]:
    """The digest of the definition for which it was measured, and what is told. Raises ValueError."""
    match orjson.loads(value):
        case [str(digest), [*row]]:
            return digest, told_in(row)
    raise ValueError("no sample")
