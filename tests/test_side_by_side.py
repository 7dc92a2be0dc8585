"""Tests that run side by side are dealt out as tests/support/side_by_side.py says, whatever pytest makes of marks."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.side_by_side import FIRST, GROUPS, group_of, turn_of

TESTS = Path(__file__).parent
OF_ONE_GROUP = ("dead_letters/test_commands.py", "webhooks/test_signature.py")
OF_NONE = ("access/test_api_keys.py", "access/test_listening.py")


def test_one_process_has_a_whole_group() -> None:
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-v", "-p", "no:cacheprovider"]
    told = subprocess.run(
        [*command, *(str(TESTS / each) for each in (*OF_NONE, *OF_ONE_GROUP))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=TESTS.parent,
    ).stdout
    ran = set(re.findall(r"^\[(gw\d)\] .*PASSED tests/([\w/.]+)::", told, re.MULTILINE))
    assert {file for _process, file in ran} == {*OF_NONE, *OF_ONE_GROUP}, told
    assert len({process for process, file in ran if file in OF_ONE_GROUP}) == 1
    assert len(ran) == len(OF_NONE) + len(OF_ONE_GROUP)  # and one has each file


def test_what_takes_long_goes_first() -> None:
    files = ["tests/repair/t.py::a[x::y]", "tests/simulation/t.py::a", "tests/behaviour/t.py::a", "tests/t.py"]
    assert sorted((files[each] for each in (2, 0, 3, 1)), key=turn_of) == files
    assert [group_of(each) for each in files] == ["one broker", "tests/simulation/t.py", "three brokers", "tests/t.py"]
    assert GROUPS.keys() <= set(FIRST)


def test_whatever_a_group_names_is_there() -> None:
    for path in (*(path for paths in GROUPS.values() for path in paths), *(set(FIRST) - GROUPS.keys())):
        assert list(TESTS.glob(f"{path}*")), path
