"""What is said of a rule that is wrong, to the letter: the table is `bad_rules.txt`, for people to read."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from services.segmentation.composition import objection
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.parse import parse

KEEP = KeepList.parse("brand category value context.device.* context.geo.country")
OBJECT = objection("new", {"cart-abandoners": (), "shoppers": (), "loop": ("new",), "new": ("loop",)})


class Row(NamedTuple):
    rule: str
    marks: str
    said: dict[str, str]

    def __str__(self) -> str:
        return self.rule


def rows(table: str = "bad_rules.txt") -> list[Row]:
    blocks = Path(__file__).with_name(table).read_text("utf-8").split("\n\n")
    return [_row(block.strip("\n").split("\n")) for block in blocks if not block.startswith("#")]


def _row(lines: list[str]) -> Row:
    rule, marks, *said = lines
    return Row(rule, marks, dict(line.split(": ", 1) for line in said))


@pytest.mark.parametrize("row", rows(), ids=str)
def test_a_bad_rule_is_answered_as_the_table_says(row: Row) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(row.rule, KEEP, OBJECT)
    error = refusal.value
    said = {"found": error.found, "expected": error.expected, "hint": error.hint}
    assert error.caret == f"{row.rule}\n{row.marks}"
    assert {name: text for name, text in said.items() if text is not None} == row.said
    assert (error.line, error.column) == (1, row.marks.index("^") + 1)


def test_no_answer_speaks_as_programmers_do() -> None:
    jargon = re.compile(r"python|syntax|token|expression|\bast\b|invalid|keyword|literal|boolean", re.IGNORECASE)
    assert [row for row in rows() if jargon.search(str(row.said))] == []


@pytest.mark.parametrize(
    ("rule", "line", "column", "caret"),
    [
        ("", 1, 1, "\n^"),
        ("  # nothing but a remark", 1, 1, "  # nothing but a remark\n^"),
        ('trait("a") and\n  count("view") > "x"', 2, 19, '  count("view") > "x"\n                  ^^^'),
        ('trait("a") and\r  count("view") > "x"', 2, 19, '  count("view") > "x"\n                  ^^^'),
        ('trait("a") and\r\n\tcount("view") > "x"', 2, 18, ' count("view") > "x"\n                 ^^^'),
        ('trait("a") and\n  # the end\n\n', 1, 15, 'trait("a") and\n              ^'),
        ('count("view") > 1 and count(\n  "View") > 1', 2, 3, '  "View") > 1\n  ^^^^^^'),
        ('count("view",\n  within="1h")', 1, 1, 'count("view",\n^^^^^^^^^^^^^'),
        ('trait("é€𝄞") == 1 and foo', 1, 23, 'trait("é€𝄞") == 1 and foo\n                      ^^^'),
        ('trait("靴") == 1 and foo', 1, 21, 'trait("靴") == 1 and foo\n                     ^^^'),
        ('count("靴") > 1', 1, 7, 'count("靴") > 1\n      ^^^^'),
        ('trait("e\u0301") == foo', 1, 16, 'trait("e\u0301") == foo\n              ^^^'),
        ('count("view")\u00a0> 1', 1, 14, 'count("view") > 1\n             ^'),
        ('count("view") > 1\u200b', 1, 18, 'count("view") > 1\ufffd\n                 ^'),
        ('trait("a\0") == 1', 1, 9, 'trait("a\ufffd") == 1\n        ^'),
        ("\0", 1, 1, "\ufffd\n^"),
    ],
)
def test_the_place_is_right_in_any_text(rule: str, line: int, column: int, caret: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(rule, KEEP)
    assert (refusal.value.line, refusal.value.column, refusal.value.caret) == (line, column, caret)


def test_a_long_line_is_cut_around_the_place() -> None:
    before, after = 'trait("a") and ' * 10, ' and trait("b")' * 10
    with pytest.raises(RuleError) as refusal:
        parse(f"{before}foo{after}")
    shown, marks = refusal.value.caret.split("\n")
    assert len(shown) == 106
    assert shown.startswith("...")
    assert shown.endswith("...")
    assert shown[marks.index("^") :].startswith("foo and ")
    assert marks.strip() == "^^^"
    assert refusal.value.column == len(before) + 1


def test_what_is_wrong_is_also_said_on_one_line() -> None:
    with pytest.raises(RuleError) as refusal:
        parse('count("view",\n\n within="1h")')
    assert str(refusal.value) == (
        'line 1, column 1: found count("view", within="1h") alone, expected a comparison after it, such as >= 1'
    )
    with pytest.raises(RuleError, match=r"line 1, column 1: found cuont, expected one of .*; did you mean count\?$"):
        parse('cuont("view") > 1')
