"""The load tests know the product from outside only, and what decides verdicts needs no library but YAML's."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "loadtests"
PURE = ("load/measured", "load/report", "load/traffic")


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_nothing_of_the_services_is_imported() -> None:
    files = list(ROOT.rglob("*.py"))
    assert len(files) > 40
    found = {(str(file), name) for file in files for name in imported(file) if name.partition(".")[0] == "services"}
    assert not found


def test_what_decides_verdicts_is_pure() -> None:
    files = [file for part in PURE for file in (ROOT / part).glob("*.py")]
    tops = {name.partition(".")[0] for file in files for name in imported(file)}
    assert tops - sys.stdlib_module_names == {"loadtests", "yaml"}
    assert not tops & {"asyncio", "socket", "subprocess", "time", "threading"}
