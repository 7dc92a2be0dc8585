"""Averages that are next to a threshold compare with it as exact fractions do, equal within the tolerance."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.history import Total
from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import Operator
from services.segmentation.rules.thresholds import test as comparison

AVERAGE = nodes.Average(nodes.Selection("view"), "value")
SYMBOLS: tuple[Operator, ...] = ("<", "<=", ">", ">=")
TOLERANCE = Fraction(1, 10**13)


def _as_meant(amount: int, numbers: int, symbol: Operator, threshold: Fraction) -> bool:
    """By the definition: plainly, in fractions."""
    if not numbers:
        return False
    mean = Fraction(amount, numbers * 10**6)
    if abs(mean - threshold) <= TOLERANCE * max(abs(mean), abs(threshold)):
        return symbol in ("<=", ">=")
    return mean < threshold if symbol in ("<", "<=") else mean > threshold


@given(
    threshold=st.sampled_from([0, 1, -1, 120, 0.1, -2.5, 1e-7, 3e12, -1e15, 1.7e308]),
    off=st.sampled_from([0, 1, -1, 2, 30, -100, 10**6]),
    parts=st.sampled_from([10**15, 10**14, 10**13, 10**12, 10**9, 10**8, 1_000, 1]),
    numbers=st.integers(0, 300),
    symbol=st.sampled_from(SYMBOLS),
)
def test_an_average_compares_as_exact_fractions_do(
    threshold: float, off: int, parts: int, numbers: int, symbol: Operator
) -> None:
    exact = Fraction(repr(threshold))
    amount = round(exact * (1 + Fraction(off, parts)) * numbers * 10**6) if numbers else 0
    holds = comparison(AVERAGE, symbol, nodes.Literal("number", threshold))
    assert holds(Total(amount, numbers)) == _as_meant(amount, numbers, symbol, exact)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_an_average_of_no_numbers_compares_with_nothing(symbol: Operator) -> None:
    for threshold in (-1, 0, 1):
        assert not comparison(AVERAGE, symbol, nodes.Literal("number", threshold))(Total())
