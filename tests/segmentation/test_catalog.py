"""The catalog: versions, ordinals, and its document."""

from collections.abc import Callable
from hashlib import sha256

import orjson
import pytest

from services.segmentation import catalog as module
from services.segmentation.anatomy import MAX_CONDITIONS, MAX_LEVELS
from services.segmentation.catalog import (
    BadRule,
    Catalog,
    SegmentDefinition,
    SegmentInUse,
    TooManySegments,
)
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.rules.errors import RuleError
from services.segmentation.wire.catalog import CatalogReader


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


def test_several_are_put_as_one_edit_and_may_name_each_other() -> None:
    catalog = Catalog().put("old", definition(), KEEP_ALL)
    several = {"a": definition("segment('b')"), "b": definition("segment('old')"), "old": definition()}
    catalog = catalog.put_all(several, KEEP_ALL)
    assert {each.id: (each.version, each.ordinal, each.uses) for each in catalog.segments.values()} == {
        "old": (1, 0, ()),
        "a": (2, 1, ("b",)),
        "b": (2, 2, ("old",)),
    }
    assert catalog.version == 2
    assert catalog.put_all(several, KEEP_ALL) is catalog


def test_several_are_refused_together() -> None:
    with pytest.raises(BadRule, match=r"segment b: .*found .*nothing.*"):
        Catalog().put_all({"a": definition(), "b": definition("segment('nothing')")}, KEEP_ALL)
    with pytest.raises(BadRule, match="a -> b -> a") as raised:
        Catalog().put_all({"a": definition("segment('b')"), "b": definition("segment('a')")}, KEEP_ALL)
    assert (raised.value.error.line, raised.value.error.column) == (1, 9)


def test_what_others_are_made_of_is_not_deleted() -> None:
    users = {f"user-{number:02}": definition("segment('base')") for number in range(12)}
    catalog = Catalog().put_all({"base": definition(), **users}, KEEP_ALL)
    with pytest.raises(SegmentInUse, match=r"user-00, .*user-09, …$") as raised:
        catalog.delete("base")
    assert raised.value.users == sorted(users)
    assert list(catalog.delete("user-03").segments) == [each for each in catalog.segments if each != "user-03"]


def test_an_edit_counts_for_all_that_is_made_of_what_was_edited() -> None:
    rules = {"c": "segment('b')", "b": "segment('a')", "a": "tenure() < '1d'", "other": "tenure() < '1d'"}
    catalog = Catalog().put_all({name: definition(rule) for name, rule in rules.items()}, KEEP_ALL)
    assert list(catalog.ready) == ["a", "b", "c", "other"]
    assert [each.segment.id for each in catalog.with_parts(["b"])] == ["a", "b"]
    edited = catalog.put("b", definition("segment('a') and tenure() < '2d'"), KEEP_ALL)
    assert {name: each.version for name, each in edited.ready.items()} == {"a": 1, "b": 2, "c": 2, "other": 1}
    assert edited.edited_since(1) == {"b", "c"}
    assert edited.edited_since(2) == frozenset()


def test_a_file_that_says_the_same_again_edits_nothing() -> None:
    said = {"a": definition(), "b": definition("segment('a')")}
    catalog = Catalog().put_file(said, KEEP_ALL)
    assert catalog.put_file(said, KEEP_ALL) is catalog
    edited = catalog.put("a", definition("tenure() < '2d'"), KEEP_ALL).delete("b")
    assert edited.put_file(said, KEEP_ALL) is edited
    assert (catalog.owner("a"), edited.owner("a")) == ("file", "api")


def test_a_file_edits_what_it_says_anew_and_nothing_else() -> None:
    catalog = Catalog().put_file({"a": definition(), "b": definition()}, KEEP_ALL)
    catalog = catalog.put("a", definition("tenure() < '2d'"), KEEP_ALL)
    catalog = catalog.put_file({"a": definition(), "b": definition("tenure() < '3d'"), "c": definition()}, KEEP_ALL)
    assert {each.id: (each.version, each.definition.rule) for each in catalog.segments.values()} == {
        "a": (2, "tenure() < '2d'"),
        "b": (3, "tenure() < '3d'"),
        "c": (3, "tenure() < '1d'"),
    }


def test_a_file_that_first_says_what_is_there_already_is_remembered() -> None:
    catalog = Catalog().put("a", definition(), KEEP_ALL).put_file({"a": definition()}, KEEP_ALL)
    assert (catalog.version, catalog.segments["a"].version, catalog.owner("a")) == (2, 1, "file")
    edited = Catalog.decode(catalog.put("a", definition("tenure() < '2d'"), KEEP_ALL).encode())
    assert edited.put_file({"a": definition()}, KEEP_ALL) is edited


def test_a_member_that_is_not_used_tells_no_definitions_apart() -> None:
    whole = SegmentDefinition(name="a name", rule="x", description="", purposes=[], taxonomy={}, status="live")
    assert whole.digest == definition("x").digest == sha256(b'{"name":"a name","rule":"x"}').hexdigest()
    assert len({each.digest for each in (whole, definition("y"), whole.model_copy(update={"status": "draft"}))}) == 3


def test_what_was_not_edited_is_not_made_again_when_the_next_catalog_is_read() -> None:
    decode = follower()
    rules = {"a": "tenure() < '1d'", "b": "segment('a')", "c": "segment('b')", "other": "tenure() < '1d'"}
    written = Catalog().put_all({name: definition(rule) for name, rule in rules.items()}, KEEP_ALL)
    first = decode(written.encode())
    edited = written.put("b", definition("not segment('a')"), KEEP_ALL).delete("other")
    second = decode(edited.encode())
    assert second.encode() == edited.encode()
    assert {name for name, each in second.ready.items() if each is first.ready[name]} == {"a"}
    assert {name for name, each in second.segments.items() if each is first.segments[name]} == {"a", "c"}
    third = decode(edited.put("d", definition(), KEEP_ALL).encode())
    assert {name for name, each in third.ready.items() if each is second.ready.get(name)} == {"a", "b", "c"}


def test_a_catalog_that_began_anew_is_read_as_it_is() -> None:
    decode = follower()
    decode(Catalog().put_all({"a": definition(), "b": definition()}, KEEP_ALL).encode())
    anew = Catalog().put_all({"a": definition("tenure() < '2d'"), "b": definition()}, KEEP_ALL)
    assert decode(anew.encode()).segments["a"].definition.rule == "tenure() < '2d'"
    assert decode(Catalog().encode()).segments == {}


def test_a_document_from_before_there_were_compositions_and_files_is_read() -> None:
    document = orjson.loads(Catalog().put("a", definition(), KEEP_ALL).encode())
    del document["from_file"], document["segments"][0]["uses"], document["segments"][0]["asks"]
    del document["segments"][0]["definition"]["status"]
    catalog = Catalog.decode(orjson.dumps(document))
    assert (catalog.owner("a"), catalog.segments["a"].definition.status) == ("api", "live")
    assert list(catalog.ready) == ["a"]


def chain(link: str, length: int) -> dict[str, SegmentDefinition]:
    """Segments of which each names the one before, in the way that `link` says."""
    rules = ["request('x') == 1", *(link.format(f"segment('s{number}')") for number in range(length - 1))]
    return {f"s{number}": definition(rule) for number, rule in enumerate(rules)}


def test_segments_within_segments_have_a_bounded_depth() -> None:
    deepest = Catalog().put_all(chain("not {}", MAX_LEVELS), KEEP_ALL)
    assert deepest.ready[f"s{MAX_LEVELS - 1}"].levels == MAX_LEVELS
    with pytest.raises(BadRule, match=f"^segment s{MAX_LEVELS}: .*at most {MAX_LEVELS} levels"):
        Catalog().put_all(chain("not {}", MAX_LEVELS + 1), KEEP_ALL)
    lowered = deepest.put("under", definition(), KEEP_ALL)
    with pytest.raises(RuleError, match=rf"in the segment s{MAX_LEVELS - 1}, expected at most"):
        lowered.put("s0", definition("segment('under')"), KEEP_ALL)


def test_what_would_double_at_every_level_is_bounded() -> None:
    """The expression that is left for lookups would have 2 ** 19 parts, for every user."""
    doubling = chain("{0} and request('y') == 1 or {0} and request('z') == 1", 20)
    with pytest.raises(BadRule, match=rf"^segment s7: .*at most {MAX_CONDITIONS} conditions on the request"):
        Catalog().put_all(doubling, KEEP_ALL)
    catalog = Catalog().put_all(dict(list(doubling.items())[:7]), KEEP_ALL)
    assert [each.conditions for each in catalog.ready.values()] == [1, 4, 10, 22, 46, 94, 190]


def test_what_asks_the_request_nothing_is_not_counted() -> None:
    rules = chain("{0} and tenure() > '1d' or {0} and tenure() > '2d'", 20)
    catalog = Catalog().put_all({**rules, "s0": definition()}, KEEP_ALL)
    assert {each.conditions for each in catalog.ready.values()} == {0}


def follower() -> Callable[[bytes], Catalog]:
    """Reads one document after the other, as a process does that follows the edits."""
    reader = CatalogReader()
    return lambda document: reader.complete(reader.decode(document), [])
