"""`tranche rules check` says of each segment of a file what is wrong with it."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from services.rule_tools.check import check_file
from services.runtime.segments_file import BadSegmentsFile
from services.runtime.settings import DEFAULT_KEEP
from tests.rules_reference.reference import REFERENCE, reference

ROOT = REFERENCE.parents[1]
SEGMENTS = """
segments:
  fine: {name: Fine, rule: count("purchase") >= 1}
  typo:
    name: Typo
    rule: >-
      segment("fine")
      and cuont("purchase") >= 1
  lost: {name: Lost, rule: segment("fien")}
  round: {name: Round, rule: segment("about")}
  about: {name: About, rule: segment("round")}
  odd: {rule: count("x") > "1", colour: red}
  Bad id: {name: Bad, rule: count("x") > 1}
"""


def checked(path: Path, keep: str = DEFAULT_KEEP) -> tuple[int, str]:
    """The exit code, and what was printed."""
    console = Console(file=io.StringIO(), width=60)
    code = check_file(path, keep, console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "segments.yaml"
    path.write_text(SEGMENTS)
    return path


def test_every_segment_is_told_of_with_its_line_and_all_that_is_wrong_with_it(file: Path) -> None:
    code, printed = checked(file)
    assert code == 1
    heads = re.findall(r"^(.) (.+) \(.*:(\d+)\)$", printed, re.MULTILINE)
    assert heads == [
        ("✓", "fine", "3"),
        ("✗", "typo", "4"),
        ("✗", "lost", "9"),
        ("✗", "round", "10"),
        ("✗", "about", "11"),
        ("✗", "odd", "12"),
        ("✗", "Bad id", "13"),
    ]
    assert "7 checked: 6 with errors, 0 with warnings" in printed


@pytest.mark.parametrize(
    "told",
    [
        '  segment("fine") and cuont("purchase") >= 1\n                      ^^^^^\n  line 1, column 21: found cuont,',
        "did you mean fine?",
        "round -> about -> round",
        '  count("x") > "1"\n               ^^^\n',
        "name: Field required",
        "colour: Extra inputs are not permitted",
        "id: String should match pattern",
    ],
)
def test_errors_show_the_place_and_the_remedy(file: Path, told: str) -> None:
    assert told in checked(file)[1]


def test_a_file_without_errors_ends_with_code_0() -> None:
    code, printed = checked(ROOT / "deploy" / "segments.yaml")
    assert code == 0
    assert "✗" not in printed


def test_the_keep_list_can_be_another(tmp_path: Path) -> None:
    path = tmp_path / "rule.txt"
    path.write_text('count("product_view", colour="red") >= 1\n')
    assert checked(path)[0] == 1
    assert checked(path, "colour")[0] == 0


def test_a_text_file_holds_one_rule_which_may_go_over_lines(tmp_path: Path) -> None:
    path = tmp_path / "rule.txt"
    path.write_text('count("purchase") >= 1\n\tand sum("purchase", "value") > "100"\n')
    code, printed = checked(path)
    assert code == 1
    assert '   and sum("purchase", "value") > "100"\n' + " " * 34 + "^^^^^\n  line 2, column 33:" in printed


def test_lines_after_the_rule_do_not_move_the_place(tmp_path: Path) -> None:
    path = tmp_path / "rule.txt"
    path.write_text('count("purchase") >=\n\n\n')
    assert '  count("purchase") >=\n' + " " * 22 + "^\n  line 1, column 21:" in checked(path)[1]


def test_what_was_hardly_meant_is_a_warning_and_no_error(file: Path) -> None:
    file.write_text('segments: {odd: {name: Odd, rule: count("purchase") < 0 or tenure() < "7d"}}')
    code, printed = checked(file)
    assert code == 0
    assert printed.startswith("! odd (")
    assert "\n  this part can never be true: count('purchase') < 0" in printed
    assert "1 checked: 0 with errors, 1 with warnings" in printed


def test_a_rule_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('count("purchase") >= 1\n'))
    assert checked(Path("-"))[0] == 0


def test_of_a_long_line_the_part_around_the_place_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "rule.txt"
    path.write_text(" and ".join(['count("purchase") >= 1'] * 20 + ["nonsense"]))
    _, line, caret, *_ = checked(path)[1].splitlines()
    assert len(line) < 115
    assert line[caret.index("^") :].startswith("nonsense")


def test_what_is_only_wrong_with_all_of_them_together_is_told(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    rules = ['count("purchase") >= 1', *(f'segment("s{number}")' for number in range(30))]
    path.write_text(
        "segments:\n" + "".join(f"  s{n}: {{name: S{n}, rule: '{rule}'}}\n" for n, rule in enumerate(rules))
    )
    code, printed = checked(path)
    assert code == 1
    assert "levels of segments within segments" in printed


@pytest.mark.parametrize("content", ["segments: [", "other: {}", "segments: {a: 1, a: 2}", "", "segments: [1]", "\x00"])
def test_a_file_that_holds_no_segments_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text(content)
    with pytest.raises(BadSegmentsFile):
        checked(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for name in ("missing.yaml", "missing.txt"):
        with pytest.raises(BadSegmentsFile):
            checked(tmp_path / name)


def test_the_documentation_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (shown,) = [block.text for block in reference().blocks if "rules check" in block.text]
    _, printed = checked(Path("deploy/segments.yaml"))
    assert [line for line in shown.splitlines()[1:] if line != "…" and line not in printed.splitlines()] == []
