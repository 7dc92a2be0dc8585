"""What the rule language takes, and what it says of what it does not take."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.keep import KeepList
from services.segmentation.profile import Profile
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.parse import MAX_DEPTH, MAX_LEAVES, parse

KEEP = KeepList.parse("category value utm-source context.device.*")

GOOD = [
    'count("purchase") >= 1',
    'count("add_to_cart", within="1h") >= 1 and count("purchase", within="1h") == 0',
    '1 <= count("view", category="shoes") < 5',
    'sum("purchase", "value", within="90d") > 99.5',
    'avg("purchase", "value") >= -3',
    'distinct("view", "category", within="7d", where={"context.device.type": ["mobile", "tv"]}) > 2',
    'since("view") > since("purchase", category="shoes")',
    '"1h" <= since("view") < "7d"',
    'since("view") in ["1h", "90m"]',
    'tenure() < "1d"',
    'trait("vip") or not trait("tier") in ["gold", 1, True, None]',
    'last("device.type") not in ["mobile"]',
    'count("view", where={"utm-source": "x"}) > 0',
    'count("view", category=[]) > 0',
    '\n  count("view") > 1  # often\n  and\n  trait("vip")\n',
    "not not trait('vip')",
    'trait("an \\" odd\\n name") == "é\\u2028"',
]

BAD = [
    ("", 1, 1, "nothing", "one condition"),
    ("   ", 1, 1, "nothing", "one condition"),
    ('count("view")', 1, 1, 'count("view")', "a comparison"),
    ('cuont("view") > 1', 1, 1, "cuont", "did you mean count?"),
    ('count("view") > 1 and', 1, 22, "the end of the rule", "one condition"),
    ('trait("a") and\n  count("view") > "x"', 2, 19, '"x"', "a number"),
    ('trait("a") and\r  count("view") > "x"', 2, 19, '"x"', "a number"),
    ('trait("a") and\r\n  count("view") > "x"', 2, 19, '"x"', "a number"),
    ('trait("a")\rand', 2, 4, "the end of the rule", "one condition"),
    ('trait("a"), trait("b")', 1, 1, "several conditions", "one condition"),
    ('trait("a")) or (trait("b")', 1, 11, ")", "one condition"),
    ('trait("a")] or [trait("b")', 1, 1, "brackets that do not match", "one condition"),
    ('count("view") == "3"', 1, 18, '"3"', "a number"),
    ('count("view") > True', 1, 17, "True", "a number"),
    ('since("view") > 3', 1, 17, "3", "a duration"),
    ('since("view") > "3 days"', 1, 17, '"3 days"', "whole number and a unit"),
    ('since("view") > "0h"', 1, 17, '"0h"', "longer than zero"),
    ('count("view", within="1.5h") > 1', 1, 22, '"1.5h"', "whole number and a unit"),
    ('count("view", within=3600) > 1', 1, 22, "3600", "a duration"),
    ('since("view", within="1h") > "1h"', 1, 15, 'within="1h"', "since("),
    ('avg("view", "value") == 3', 1, 1, "== on avg()", "a range"),
    ('avg("view", "value") in [3]', 1, 1, "avg() in a list", "a range"),
    ("1 < 2", 1, 1, "1", "a term on one side"),
    ('count("view") > count("cart")', 1, 17, 'count("cart")', "a constant"),
    ('count("view") + 1 > 2', 1, 1, 'count("view") + 1', "no arithmetic"),
    ('trait("a") is None', 1, 1, "is", "one of =="),
    ('trait("a") == true', 1, 15, "true", "True"),
    ('trait("a") in ("x", "y")', 1, 15, '("x", "y")', "a list"),
    ('"x" in trait("a")', 1, 1, '"x"', "a term"),
    ('last("weather") == "rain"', 1, 6, "'context.weather', which is not kept", "category"),
    ('sum("view", "price") > 1', 1, 13, "'price', which is not kept", "keep list"),
    ('count("view", brand="x") > 1', 1, 15, "'brand', which is not kept", "keep list"),
    ('count("view\\n") > 1', 1, 7, '"view\\n"', "a lowercase letter"),
    ('count("View") > 1', 1, 7, '"View"', "a lowercase letter"),
    ('count("view", within="1h", within="2h") > 1', 1, 28, 'within="2h"', "once"),
    ('count("view", where={"category": "a", "category": "b"}) > 1', 1, 1, "'category' more than once", "each property"),
    ('count("view", category="a", where={"category": "b"}) > 1', 1, 1, "'category' more than once", "each property"),
    ('count("view", where=["category"]) > 1', 1, 21, '["category"]', "a mapping"),
    ('count("view", **{"category": 1}) > 1', 1, 15, "**", "count("),
    ('count("view", "x") > 1', 1, 1, "2 unnamed arguments", "count("),
    ("count() > 1", 1, 1, "0 unnamed arguments", "count("),
    ("count(view) > 1", 1, 7, "view", "in quotes"),
    ('tenure(1) < "1d"', 1, 1, "1 unnamed arguments", "tenure()"),
    ('trait("") == 1', 1, 7, "an empty name", "trait("),
    ('count("view") > 1e999', 1, 17, "1e999", "a constant"),
    ('count("view") > 0x' + "f" * 9_000, 1, 17, "0xfff", "a constant"),
    ('count("view") > -0x' + "f" * 257, 1, 18, "0xfff", "a constant"),
    ('count("view") > 1j', 1, 17, "1j", "a constant"),
    ("lambda: 1", 1, 1, "lambda: 1", "a comparison"),
    ('__import__("os").system("true")', 1, 1, '__import__("os").system', "one of count"),
    ("trait.__class__", 1, 1, "trait.__class__", "a comparison"),
    ('trait(f"{1}") == 1', 1, 7, 'f"{1}"', "in quotes"),
    ("True", 1, 1, "True", "a comparison"),
    ("\x00", 1, 1, "", "one condition"),
]


@pytest.mark.parametrize("rule", GOOD)
def test_a_good_rule_can_be_evaluated_and_reads_back_from_its_text(rule: str) -> None:
    parsed = parse(rule, KEEP)
    assert repr(parse(str(parsed), KEEP)) == repr(parsed)
    evaluator(parsed)(Profile(0, 0))


@pytest.mark.parametrize(("rule", "line", "column", "found", "expected"), BAD)
def test_a_bad_rule_is_refused_with_its_place(rule: str, line: int, column: int, found: str, expected: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(rule, KEEP)
    error = refusal.value
    assert (error.line, error.column) == (line, column)
    assert found in error.found
    assert expected in error.expected


@pytest.mark.parametrize("term", ["decayed", "share", "segment", "request", "cluster", "score", "rfm"])
def test_terms_that_come_later_are_refused_as_such(term: str) -> None:
    with pytest.raises(RuleError, match="not yet supported"):
        parse(f'{term}("x", "y", halflife="1d") > 1')


def test_rules_are_bounded_in_length_depth_and_number_of_comparisons() -> None:
    leaf = 'trait("a")'
    parse("not " * MAX_DEPTH + leaf)
    parse(" and ".join([leaf] * MAX_LEAVES))
    for rule in ("not " * (MAX_DEPTH + 1) + leaf, " or ".join([leaf] * (MAX_LEAVES + 1)), leaf + " " * 10_000):
        with pytest.raises(RuleError):
            parse(rule)
    for rule in (
        'count("a") > ' + "-" * 3_000 + "1",
        "(" * 5_000 + leaf + ")" * 5_000,
        "not " * 2_000 + leaf,
        "-" * 5_000 + "1 < 2",
    ):
        with pytest.raises(RuleError):
            parse(rule)


def test_a_rule_error_passes_through_context_managers() -> None:
    @contextmanager
    def passing() -> Iterator[None]:
        yield

    with pytest.raises(RuleError), passing():
        parse("")


def test_a_column_counts_characters_not_bytes() -> None:
    with pytest.raises(RuleError) as refusal:
        parse('trait("é€𝄞") == 1 and foo')
    assert (refusal.value.line, refusal.value.column) == (1, 23)


@given(st.text(max_size=60) | st.text(alphabet='count("x",)>=1 andortrue[]{}:=-\r\n#', max_size=40))
def test_any_text_is_either_a_rule_that_can_be_evaluated_or_a_rule_error(text: str) -> None:
    try:
        rule = parse(text, KEEP)
    except RuleError as error:
        lines = re.split("\r\n|\r|\n", text)
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    else:
        assert repr(parse(str(rule), KEEP)) == repr(rule)
        evaluator(rule)(Profile(0, 0))
