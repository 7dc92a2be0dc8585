"""What the rule language takes, and that it takes nothing else: whatever is written is a rule or a RuleError."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.segmentation.keep import KeepList
from services.segmentation.profile import Profile
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.parse import MAX_DEPTH, MAX_LEAVES, parse
from services.segmentation.rules.scene import Scene

KEEP = KeepList.parse("category value utm-source context.device.*")

GOOD = [
    'count("purchase") >= 1',
    'count("add_to_cart", within="1h") >= 1 and count("purchase", within="1h") == 0',
    '1 <= count("view", category="shoes") < 5',
    'count("view", within="today") > 1',
    'sum("purchase", "value", within="this_week") > 99.5',
    'avg("purchase", "value", within="this_month") >= -3',
    'distinct("view", "category", within="7d", where={"context.device.type": ["mobile", "tv"]}) > 2',
    'decayed("view", halflife="1d", category=["shoes", "bags"]) >= 0.5',
    'share("view", "category", ["shoes", "bags"], halflife="7d") > 0.5',
    'since("view") > since("purchase", category="shoes")',
    '"1h" <= since("view") < "7d"',
    'since("view") in ["1h", "90m"]',
    'tenure() < "1d"',
    'sequence("view", step("add_to_cart", category="shoes"), "purchase", within="1d") < "7d"',
    'sequence("view", "purchase") or sequence("a", "b", "c", "d", "e", "f", "g", "h")',
    'trait("vip") or not trait("tier") in ["gold", 1, True, None]',
    'last("device.type") not in ["mobile"]',
    'segment("shoppers") and not listed("suppressed")',
    'request("device.type") == "mobile" and 18 <= request("hour") < 23',
    'request("weekday") in ["sat", "Sunday", 1]',
    'count("view", where={"utm-source": "x"}) > 0',
    'count("view", category=[]) > 0',
    '\n  count("view") > 1  # often\n  and\n  trait("vip")\n',
    "not not trait('vip')",
    'trait("an \\" odd\\n name") == "é\\u2028"',
    'trait("a") == "two " "halves"',
    'trait("a"),',
]


@pytest.mark.parametrize("rule", GOOD)
def test_a_good_rule_reads_back_from_its_text(rule: str) -> None:
    parsed = parse(rule, KEEP)
    assert repr(parse(str(parsed), KEEP)) == repr(parsed)


def test_a_weekday_is_a_number() -> None:
    assert str(parse('request("weekday") in ["sat", "Sunday", 1]')) == "request('weekday') in [6, 7, 1]"


def test_rules_are_bounded_in_length_depth_and_number_of_comparisons() -> None:
    leaf = 'trait("a")'
    parse("not " * MAX_DEPTH + leaf)
    parse(" and ".join([leaf] * MAX_LEAVES))
    for rule in ("not " * (MAX_DEPTH + 1) + leaf, " or ".join([leaf] * (MAX_LEAVES + 1)), leaf + " " * 10_000):
        with pytest.raises(RuleError, match=r"expected (a rule of )?at most"):
            parse(rule)


@pytest.mark.parametrize(
    "rule",
    [
        'count("a") > ' + "-" * 3_000 + "1",
        'count("a") > ' + "9" * 5_000,
        'count("a") > 0x' + "f" * 9_000,
        "(" * 5_000 + 'trait("a")' + ")" * 5_000,
        "(" * 5_000,
        "not " * 2_000 + 'trait("a")',
        "-" * 5_000 + "1 < 2",
        "a" + ".a" * 4_000 + " == 1",
        "a" + "[0]" * 3_000 + " == 1",
        '"' * 9_999,
        'r"' * 4_999,
    ],
    ids=lambda rule: rule[:20],
)
def test_rules_without_measure_are_refused(rule: str) -> None:
    with pytest.raises(RuleError):
        parse(rule)


def test_a_rule_error_passes_through_context_managers() -> None:
    @contextmanager
    def passing() -> Iterator[None]:
        yield

    with pytest.raises(RuleError), passing():
        parse("")


TERMS = ['count("view")', 'since("view")', 'trait("a")', 'segment("x")', "count", "sum", "trait", "vip", "within"]
WORDS = [" and ", " or ", " not ", " in ", " is ", " AND ", " if ", " lambda ", "where", "True", "null"]
CONSTANTS = ['"7d"', '"x"', "7d", "1,5", 'f"x"', '"\\x"', "007", '"' * 3, "1"]
SYMBOLS = [
    "==",
    "!=",
    "&&",
    "**",
    "\r\n",
    *"()[]{},=<>!:.*-~;|\"'#\\ \n\r\t\f\0“\u2019\u00a0\u2028\ud800日é\u0301\U0001f45f",
]


@given(
    st.text(max_size=60)
    | st.text(alphabet='count("x",)>=1 andortrue[]{}:=-\r\n#', max_size=40)
    | st.lists(st.sampled_from([*TERMS, *WORDS, *CONSTANTS, *SYMBOLS]), max_size=12).map("".join)
)
@example("\ud800")
@example('count "a\tb" > 1')
@example('trait("\ud800") == 1')
@example('trait("a") == 1 # \0')
def test_any_text_is_a_rule_that_can_be_evaluated_or_an_error_with_its_place(text: str) -> None:
    try:
        rule = parse(text, KEEP)
    except RuleError as error:
        check_error(text, error)
    else:
        assert repr(parse(str(rule), KEEP)) == repr(rule)
        if "segment(" not in text:
            evaluator(rule)(Scene(Profile(0, 0), UTC))


def check_error(text: str, error: RuleError) -> None:
    """The place is in the text, the caret is under it, and everything can be shown on a line of its own."""
    lines = re.split("\r\n|\r|\n", text)
    assert 1 <= error.line <= len(lines)
    line = lines[error.line - 1]
    assert 1 <= error.column <= len(line) + 1
    shown, marks = error.caret.split("\n")
    assert re.fullmatch(" *[\\^]+", marks)
    if len(line) <= 100 and line.isascii() and line.isprintable():
        assert shown == line
        assert marks.index("^") == error.column - 1
        assert len(marks) <= max(len(line), error.column)
    assert str(error).isprintable()
    assert shown.isprintable()
    assert error.found
    assert error.expected
