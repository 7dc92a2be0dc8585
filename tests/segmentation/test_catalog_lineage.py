"""What a catalog knows of the edits that led to it, so that an edit which Redis lost in a failover is told as lost."""

import pytest

from services.segmentation import catalog as module
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KEEP_ALL


def put(catalog: Catalog, segment_id: str, rule: str, at_ms: int) -> Catalog:
    return catalog.put(segment_id, SegmentDefinition(name="a name", rule=rule), KEEP_ALL).dated(at_ms)


def test_a_version_is_the_moment_of_its_edit_and_still_rises_when_the_clock_does_not() -> None:
    first = put(Catalog(), "a", "tenure() < '1d'", at_ms=1_000)
    assert (first.version, first.segments["a"].version, first.lineage) == (1_000, 1_000, (1_000,))
    second = put(first, "b", "tenure() < '1d'", at_ms=900)
    assert (second.version, second.segments["b"].version, second.segments["a"].version) == (1_001, 1_001, 1_000)
    assert second.lineage == (1_000, 1_001)


def test_after_its_own_versions_only_what_was_edited_is() -> None:
    first = put(Catalog(), "a", "tenure() < '1d'", at_ms=1_000)
    second = put(first, "b", "tenure() < '1d'", at_ms=2_000)
    assert set(second.edited_since(1_000)) == {"b"}
    assert not second.edited_since(2_000)


def test_after_a_version_that_was_lost_everything_is() -> None:
    before = put(put(Catalog(), "a", "tenure() < '1d'", at_ms=1_000), "b", "tenure() < '1d'", at_ms=1_500)
    lost = put(before, "a", "tenure() < '9d'", at_ms=2_000)
    found = put(before, "c", "tenure() < '1d'", at_ms=3_000)  # by who knows nothing of it
    assert set(found.edited_since(lost.version)) == {"a", "b", "c"}
    assert set(found.edited_since(before.version)) == {"c"}


def test_the_lineage_is_bounded_and_what_is_older_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINEAGE", 2)
    catalog = Catalog()
    for number in range(1, 5):
        catalog = put(catalog, f"s-{number}", "tenure() < '1d'", at_ms=number * 1_000)
    assert catalog.lineage == (3_000, 4_000)
    assert len(catalog.edited_since(1_000)) == 4
    assert set(catalog.edited_since(3_000)) == {"s-4"}


def test_lineage_and_deleted_segments_are_in_the_document() -> None:
    catalog = put(put(Catalog(), "a", "tenure() < '1d'", at_ms=1_000), "b", "tenure() < '1d'", at_ms=2_000)
    catalog = catalog.delete("a").dated(3_000)
    read = Catalog.decode(catalog.encode())
    assert (read.lineage, read.deleted) == ((1_000, 2_000, 3_000), {0: "a"})


def test_only_the_segments_deleted_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DELETED", 2)
    catalog = Catalog()
    for name in ("a", "b", "c"):
        catalog = put(catalog, name, "tenure() < '1d'", at_ms=0)
    for name in ("a", "b", "c"):
        catalog = catalog.delete(name)
    assert catalog.deleted == {1: "b", 2: "c"}


def test_the_versions_of_an_earlier_release_led_to_its_catalog() -> None:
    document = b'{"version": 3, "next_ordinal": 0, "segments": []}'
    catalog = put(Catalog.decode(document), "a", "tenure() < '1d'", at_ms=5_000)
    assert catalog.lineage == (1, 2, 3, 5_000)
    assert set(catalog.edited_since(2)) == {"a"}
