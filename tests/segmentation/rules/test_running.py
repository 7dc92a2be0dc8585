"""Series that are kept up to date with each event say what series made anew of the same events say, to the last bit."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.profile import Entry, millionths
from services.segmentation.rules.running import Amounts, Occurrences, Weights
from services.segmentation.rules.strands import NOTHING, Column

VALUES = [None, "a", "b", True, 1, 1.0, 0.1, -2, 1e15, ("a", "b")]
histories = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(VALUES)), min_size=1, max_size=12)


def entries(history: Sequence[tuple[int, object]]) -> list[Entry]:
    return [
        Entry(at_ms, number, () if value is None else (("field", value),))  # type: ignore[arg-type]  # any kept value
        for number, (at_ms, value) in enumerate(sorted(history, key=lambda each: each[0]))
    ]


@given(histories, st.integers(1, 5))
def test_amounts(history: list[tuple[int, object]], held: int) -> None:
    series = Amounts("field")
    found = entries(history)
    for number, entry in enumerate(found):
        series.push(entry)
        if number >= held:
            series.shift(found[number - held])
        left = found[max(0, number - held + 1) : number + 1]
        amounts = [millionths(value) for each in left for _, value in each.values or (("", None),)]
        sums = [sum(amount or 0 for amount in amounts[index:]) for index in range(len(left) + 1)]
        numbers = [sum(amount is not None for amount in amounts[index:]) for index in range(len(left) + 1)]
        assert list(series.left_from(0)) == list(zip(sums, numbers, strict=True))
        assert series.since(0) == (sums[0], numbers[0])
        assert series.only_shrinks == all((amount or 0) >= 0 for amount in amounts)
        if series.only_shrinks:
            for least in {1, *(total for total in sums if total), sums[0] + 1}:
                reaching = [index for index, total in enumerate(sums) if total >= least]
                assert series.newest_reaching(least) == (reaching[-1] if reaching else None)


@given(histories, st.integers(1, 5))
def test_occurrences(history: list[tuple[int, object]], held: int) -> None:
    series = Occurrences("field")
    found = entries(history)
    for number, entry in enumerate(found):
        series.push(entry)
        if number >= held:
            series.shift(found[number - held])
        newest = {
            (type(value) is bool, type(value) is str, value): each.ts_ms
            for each in found[max(0, number - held + 1) : number + 1]
            for _, value in each.values
            if not isinstance(value, tuple)
        }
        assert series.moments == sorted(newest.values())


@given(histories, st.integers(1, 5), st.sampled_from([1, 3, 10, 1_000]))
def test_weights(history: list[tuple[int, object]], held: int, halflife_ms: int) -> None:
    series = Weights(halflife_ms)
    found = entries(history)
    for number, entry in enumerate(found):
        series.push(entry)
        if number >= held:
            series.shift(found[number - held])
        anew = Weights(halflife_ms)
        left = found[max(0, number - held + 1) : number + 1]
        for each in left:
            anew.push(each)
        assert series.total() == anew.total()
        plainly = sum(2.0 ** ((each.ts_ms - entry.ts_ms) / halflife_ms) for each in left)
        assert abs(series.total() - plainly) <= 1e-14 * plainly


@given(histories, st.integers(1, 5))
def test_a_column_and_its_series_follow_the_log(history: list[tuple[int, object]], held: int) -> None:
    found, recipe = entries(history), (Amounts, "field")
    column = Column(found[:held])
    assert column.series(recipe) is column.series(recipe)
    column.push(found[held:])
    column.shift(found[: max(0, len(found) - held)])
    anew = Column(found[max(0, len(found) - held) :])
    assert (column.entries, column.moments) == (anew.entries, anew.moments)
    assert list(column.series(recipe).left_from(0)) == list(anew.series(recipe).left_from(0))


def test_what_everybody_shares_remembers_no_series_of_anybody() -> None:
    assert NOTHING.series((Amounts, "field")) is not NOTHING.series((Amounts, "field"))
