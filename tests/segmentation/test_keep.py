"""What is kept of an event's content, and that remembering what came before changes nothing but its cost."""

import tracemalloc
from itertools import pairwise

import pytest

from services.segmentation import keep
from services.segmentation.keep import KEEP_ALL, MAX_ELEMENTS, MAX_FIELDS, MAX_SIZE, MAX_TEXT, KeepList

LISTED = KeepList.parse("brand a.* context.device.* context.geo.country")


def test_properties_and_context_are_told_apart() -> None:
    properties = {"brand": "x", "a.b": 1, "device.type": "no", "context.device.type": "no", "value": 9}
    context = {"device": {"type": "tv", "os.name": "no"}, "geo": {"country": "FR", "city": "no"}, "brand": "no"}
    values, paths = LISTED.kept(properties, context)
    assert values == (("a.b", 1), ("brand", "x"), ("context.device.type", "tv"), ("context.geo.country", "FR"))
    assert paths == {"device.type": "tv", "geo.country": "FR"}


def test_equal_texts_are_kept_once_and_other_values_keep_their_type() -> None:
    told = [("x" * 20, {"device": {"type": "tv" * 9}}) for _ in range(2)]
    (first, _), (again, _) = (LISTED.kept({"brand": brand}, context) for brand, context in told)
    assert all(one is other for one, other in zip(first, again, strict=True))
    kept = [LISTED.kept({"brand": brand}, {})[0][0][1] for brand in (1, True, 1.0, "1", "1.0")]
    assert list(map(repr, kept)) == ["1", "True", "1.0", "'1'", "'1.0'"]


@pytest.mark.parametrize("value", [None, {}, [], [None], "x" * (MAX_TEXT + 1)])
def test_what_nothing_can_be_compared_with_is_no_value_and_is_told_as_none(value: object) -> None:
    values, paths = LISTED.kept({"brand": value}, {"device": {"type": value, "os": "x"}})
    assert values == (("context.device.os", "x"),)
    assert paths == {"device.type": None, "device.os": "x"}


def test_what_is_told_of_a_context_is_bounded_as_its_event_is() -> None:
    _, paths = KEEP_ALL.kept({}, {"long": ["x" * 250] * MAX_ELEMENTS, "short": "x"})
    assert paths == {"long": None, "short": "x"}
    values, paths = KEEP_ALL.kept({f"b{number:02}": 1 for number in range(MAX_FIELDS - 1)}, {"a": 1, "b": 2})
    assert ("context.a", 1) in values
    _, paths = KEEP_ALL.kept({f"a{number:02}": 1 for number in range(MAX_FIELDS - 1)}, {"a": 1, "b": 2})
    assert paths == {"a": 1}


@pytest.mark.parametrize("value", ["x" * 230, 7, ["x" * 230]])
@pytest.mark.parametrize("place", ["properties", "context"])
def test_of_many_large_values_the_first_are_kept_wherever_they_stand(value: object, place: str) -> None:
    told = {f"p{number:02}".ljust(230 if value == 7 else 10, "-"): value for number in range(20)}
    listed = KeepList.parse("p* context.in.*")
    values, _ = listed.kept(told, {}) if place == "properties" else listed.kept({}, {"in": told})
    (size,) = {len(name) + (8 if value == 7 else 8 + 230) for name, _ in values}
    assert len(values) == MAX_SIZE // size


def test_what_is_remembered_is_bounded_and_forgetting_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        ({f"p{number % 7}": f"x{number}", "same": "x"}, {f"c{number % 5}": {f"d{number}": "y", "e": {"f": number}}})
        for number in range(40)
    ]
    expected = [KeepList(frozenset(), ("",)).kept(*event) for event in events]
    monkeypatch.setattr(keep, "MAX_REMEMBERED", 10)
    few, sizes = KeepList(frozenset(), ("",)), [0]
    for event, kept in zip(events, expected, strict=True):
        assert few.kept(*event) == kept
        sizes.append(sum(map(remembered, (few._memory.properties, few._memory.context))))
    assert max(sizes) <= 10
    assert any(after < before for before, after in pairwise(sizes))


def remembered(place: keep._Place) -> int:
    return len(place.texts) + sum(1 + remembered(each) for each in place.below.values())


def test_names_that_are_longer_than_any_that_is_kept_take_no_memory() -> None:
    keep = KeepList.parse("context.device.*")
    tracemalloc.start()
    for number in range(300):
        keep.kept(
            {f"{number}{'x' * 30_000}": 1}, {f"{number}{'y' * 30_000}": {}, "device": {f"{number}{'z' * 30_000}": 1}}
        )
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken_bytes < 500_000
