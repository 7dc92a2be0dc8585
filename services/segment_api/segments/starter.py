"""The file of segments that an operator starts with: read, checked as a whole, then put into the catalog.

Whoever edited a segment last is right, the file or the API. The file edits only by saying something else than it did
the last time: a definition that stayed the same is left as it is by now, be it edited or deleted through the API since.
A segment that vanished from the file stays, and is the API's from then on; named by the file again, it is put again.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from services.runtime.segments_file import SEGMENTS, BadSegmentsFile, read_segments_file
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.history import Note
from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition, TooManySegments
from services.segmentation.events import SEGMENT_ID_PATTERN
from services.segmentation.keep import KeepList

SegmentId = Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)]

_log = logging.getLogger(__name__)
_SEGMENTS = TypeAdapter(dict[SegmentId, SegmentDefinition])


async def apply_file(store: CatalogStore, path: Path, keep: KeepList) -> None:
    """Bring the file into the catalog. Raises BadSegmentsFile, and what CatalogStore does."""
    definitions = read_segments(path)
    try:
        note = Note(author=path.name, by="file")
        _, catalog = await store.change(lambda current: put_all(current, definitions, keep), note)
    except BadSegmentsFile as error:
        raise BadSegmentsFile(f"{path}: {error}") from None
    if left := [name for name, definition in definitions.items() if not catalog.holds(name, definition)]:
        _log.info("%s: left as the API edited or deleted them: %s", path.name, ", ".join(left))


def read_segments(path: Path) -> dict[str, SegmentDefinition]:
    """Definitions by id from a YAML or JSON file with the one key `segments`. Raises BadSegmentsFile."""
    written = read_segments_file(path)
    try:
        return _SEGMENTS.validate_python(written.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([SEGMENTS, *map(str, first["loc"])])
        raise BadSegmentsFile(f"{path}: {place}: {first['msg']}") from None


def put_all(catalog: Catalog, definitions: Mapping[str, SegmentDefinition], keep: KeepList) -> Catalog:
    """The catalog with what the file says anew; the same object when that is nothing.

    Raises BadSegmentsFile, whose message does not name the file.
    """
    try:
        return catalog.put_file(definitions, keep)
    except (BadRule, TooManySegments) as error:
        deleted = [name for name in definitions if name in catalog.from_file and name not in catalog.segments]
        hint = f"; deleted through the API, and so left out of the file: {', '.join(deleted)}" if deleted else ""
        raise BadSegmentsFile(f"{error}{hint}") from None
