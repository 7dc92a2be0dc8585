"""How bodies are cut into rows: the same however they arrive, and never more held than a row needs."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.segment_api.lists.bodies import MAX_ROW_BYTES, Elements, Lines, Row, Rows

pieces = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b"a", b"bc", b" ", b"\xef\xbb\xbf", b'"', b"[", b"]", b",", b"\\", b'"a"', b'"a",', b"1"]
)
bodies = st.lists(pieces | st.sampled_from([b"x" * MAX_ROW_BYTES, b" " * 5_000, b"y" * 9_000]), max_size=12).map(
    b"".join
)
cuts = st.lists(st.integers(0, 12_000), max_size=6)
elements = st.lists(st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.none(), max_size=8)


def cut(rows: Rows, body: bytes, at: list[int]) -> tuple[list[Row], str | None]:
    """The rows of a body that arrives in chunks, and why they end before it does."""
    found: list[Row] = []
    for begin, end in pairwise([0, *sorted(min(each, len(body)) for each in at), len(body)]):
        found += rows.feed(body[begin:end])
    return [*found, *rows.end()], rows.broken


@pytest.mark.parametrize("kind", [Lines, Elements])
@example(body=b"[" + b" " * 5_000 + b'"a"]', at=[4_500])
@given(body=bodies, at=cuts)
def test_where_a_body_is_cut_into_chunks_changes_nothing(kind: type[Rows], body: bytes, at: list[int]) -> None:
    assert cut(kind(), body, at) == cut(kind(), body, [])
    assert cut(kind(), body, list(range(0, len(body), 1 + len(body) // 50))) == cut(kind(), body, [])


@given(body=bodies)
def test_lines_are_those_of_the_text(body: bytes) -> None:
    rows, broken = cut(Lines(), body, [])
    expected = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    expected = expected[:-1] if body.endswith(b"\n") or not body else expected
    if body == b"\xef\xbb\xbf":
        expected = [b""]
    assert [row.data for row in rows] == [line.removesuffix(b"\r")[: MAX_ROW_BYTES + 1] for line in expected]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert broken is None


@given(values=elements, indented=st.booleans(), at=cuts)
def test_elements_are_those_of_the_array(values: list[object], indented: bool, at: list[int]) -> None:
    body = orjson.dumps(values, option=orjson.OPT_INDENT_2 if indented else 0)
    rows, broken = cut(Elements(), body, at)
    assert [orjson.loads(row.data) for row in rows] == values
    assert broken is None


@given(body=bodies)
def test_what_is_no_array_is_said_to_be_none(body: bytes) -> None:
    rows, broken = cut(Elements(), body, [])
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return  # the ends of strings are found all the same: what is between them is checked row by row
    fits = isinstance(value, list) and not any(isinstance(each, list | dict) for each in value)
    if len(body) < MAX_ROW_BYTES:
        assert (broken is None) == fits
        assert not fits or len(rows) == len(value)


@pytest.mark.parametrize("kind", [Lines, Elements])
def test_a_row_without_end_is_not_held(kind: type[Rows]) -> None:
    rows = kind()
    list(rows.feed(b'["'))
    for _ in range(1_000):
        list(rows.feed(b"x" * 1_000))
        assert len(rows._rest) <= 2 * MAX_ROW_BYTES  # type: ignore[attr-defined]


@pytest.mark.parametrize(("length", "broken"), [(MAX_ROW_BYTES - 3, False), (MAX_ROW_BYTES - 2, True)])
def test_an_element_that_is_too_long_ends_the_reading(length: int, broken: bool) -> None:
    body = b'["a","' + b"x" * length + b'","b"]'
    rows, why = cut(Elements(), body, [])
    assert (why is not None) == broken
    assert len(rows) == (1 if broken else 3)
