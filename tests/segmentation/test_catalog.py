"""The catalog: versions, ordinals, and its document."""

import pytest

from services.segmentation import catalog as module
from services.segmentation.catalog import Catalog, SegmentDefinition, TooManySegments
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.rules.errors import RuleError


def definition(rule: str = "tenure() < '1d'") -> SegmentDefinition:
    return SegmentDefinition(name="a name", rule=rule)


def test_each_edit_raises_the_version_and_an_equal_one_changes_nothing() -> None:
    first = Catalog().put("a", definition(), KEEP_ALL)
    assert (first.version, first.segments["a"].version) == (1, 1)
    assert first.put("a", definition(), KEEP_ALL) is first
    second = first.put("a", definition("tenure() < '2d'"), KEEP_ALL)
    assert (second.version, second.segments["a"].version, second.segments["a"].ordinal) == (2, 2, 0)


def test_ordinals_are_never_given_again() -> None:
    catalog = Catalog().put("a", definition(), KEEP_ALL).put("b", definition(), KEEP_ALL).delete("b")
    assert catalog.put("c", definition(), KEEP_ALL).segments["c"].ordinal == 2
    assert catalog.put("b", definition(), KEEP_ALL).segments["b"].ordinal == 2
    assert catalog.delete("nothing") is catalog


def test_its_document_reads_back_whatever_is_kept_by_then() -> None:
    catalog = Catalog().put("a", definition("count('view', brand='x') > 1"), KeepList.parse("brand")).delete("z")
    read = Catalog.decode(catalog.encode())
    assert (read.version, read.next_ordinal) == (catalog.version, catalog.next_ordinal)
    assert read.segments["a"].definition == catalog.segments["a"].definition
    assert read.encode() == catalog.encode()


def test_a_rule_over_what_is_not_kept_is_refused() -> None:
    with pytest.raises(RuleError, match="not kept"):
        Catalog().put("a", definition("count('view', brand='x') > 1"), KeepList.parse("category"))


def test_it_can_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SEGMENTS", 1)
    catalog = Catalog().put("a", definition(), KEEP_ALL)
    catalog.put("a", definition("tenure() < '2d'"), KEEP_ALL)
    with pytest.raises(TooManySegments):
        catalog.put("b", definition(), KEEP_ALL)
