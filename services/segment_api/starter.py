"""The files that an operator starts with, of models and of segments: put into the catalog in one edit, or not at all.

Whoever edited a definition last is right, the file or the API. A file edits only by saying something else than it did
the last time: a definition that stayed the same is left as it is by now, be it edited or deleted through the API since.
What vanished from a file stays, and is the API's from then on; named by the file again, it is put again.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from services.runtime.models_file import BadModelsFile
from services.segment_api.models.checks import refuse_segments
from services.segment_api.models.starter import put_models, read_models
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.history import Note
from services.segment_api.segments.starter import put_segments, read_segments
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.registry import BadModel, Registry

_log = logging.getLogger(__name__)


class Files(NamedTuple):
    """None where there is none."""

    segments: Path | None = None
    models: Path | None = None


async def apply_files(store: CatalogStore, files: Files, keep: KeepList) -> None:
    """Bring them into the catalog. Raises BadSegmentsFile, BadModelsFile, and what CatalogStore does."""
    read = _Read.of(files)
    note = Note(author=None if files.segments is None else files.segments.name, by="file")
    _, catalog = await store.change(lambda current: read.put_into(current, keep), note)
    for path, left in read.left_out(catalog):
        _log.info("%s: left as the API edited or deleted them: %s", path.name, ", ".join(left))


@dataclass(frozen=True)
class _Read:
    files: Files
    segments: Mapping[str, SegmentDefinition]
    models: Mapping[str, ModelDefinition]

    @classmethod
    def of(cls, files: Files) -> "_Read":
        models = {} if files.models is None else read_models(files.models)
        return cls(files, {} if files.segments is None else read_segments(files.segments), models)

    def put_into(self, catalog: Catalog, keep: KeepList) -> Catalog:
        """Models come first, for rules name them; whether their segments are there is asked in the end."""
        registry = self._registry(catalog, keep)
        known = catalog if registry is catalog.registry else catalog.with_registry(registry)
        path = self.files.segments
        after = known if path is None else put_segments(known, path, self.segments, keep)
        if after is known and known is not catalog:
            after = catalog.after_edit(registry=registry)
        if self.files.models is not None:
            _refuse_segments(self.files.models, catalog, after)
        return after

    def left_out(self, catalog: Catalog) -> Iterator[tuple[Path, list[str]]]:
        """By file, of what it says that which is not in force."""
        segments = [name for name, each in self.segments.items() if not catalog.holds(name, each)]
        models = [name for name, each in self.models.items() if not _holds(catalog, name, each)]
        for path, left in zip(self.files, (segments, models), strict=True):
            if path is not None and left:
                yield path, left

    def _registry(self, catalog: Catalog, keep: KeepList) -> Registry:
        path = self.files.models
        return catalog.registry if path is None else put_models(catalog, path, self.models, keep)


def _holds(catalog: Catalog, model_id: str, definition: ModelDefinition) -> bool:
    model = catalog.registry.models.get(model_id)
    return model is not None and model.definition == definition


def _refuse_segments(path: Path, before: Catalog, after: Catalog) -> None:
    try:
        refuse_segments(before, after)
    except BadModel as error:
        raise BadModelsFile(f"{path}: {error}") from None
