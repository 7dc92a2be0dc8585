"""The catalog as a process that follows the edits reads it: its document, and the snapshots that this refers to."""

from collections.abc import Sequence

from services.segmentation.catalog import Catalog
from services.segmentation.models.snapshots import Trained
from services.segmentation.models.wire import BadSnapshot, decode_trained
from services.segmentation.wire import keys


class CatalogReader:
    """Reads one catalog after the other: each uses again what the one before had ready and nobody edited."""

    def __init__(self) -> None:
        self._latest: Catalog | None = None

    def decode(self, document: bytes) -> Catalog:
        return Catalog.decode(document, self._latest)

    def missing(self, catalog: Catalog) -> Sequence[tuple[str, str]]:
        """The hashes and fields with what the document refers to and is not at hand."""
        return [(keys.snapshots(model), str(number)) for model, number in catalog.registry.missing.items()]

    def complete(self, catalog: Catalog, found: Sequence[bytes | None]) -> Catalog:
        """With what was found of the missing. A model says nothing by a snapshot that is gone or cannot be read."""
        missing = zip(catalog.registry.missing, map(_read, found), strict=True)
        trained = {model: each for model, each in missing if each is not None}
        self._latest = catalog.with_registry(catalog.registry.with_trained(trained)) if trained else catalog
        return self._latest


def _read(stored: bytes | None) -> Trained | None:
    try:
        return None if stored is None else decode_trained(stored)
    except BadSnapshot:
        return None
