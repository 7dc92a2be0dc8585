"""The catalog's document as a process that follows the edits reads it."""

from collections.abc import Callable

from services.segmentation.catalog import Catalog


def catalog_decoder() -> Callable[[bytes], Catalog]:
    """To decode one catalog after the other: each uses again what the one before had ready and nobody edited."""
    latest: Catalog | None = None

    def decode(data: bytes) -> Catalog:
        nonlocal latest
        latest = Catalog.decode(data, latest)
        return latest

    return decode
