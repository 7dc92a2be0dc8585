"""What docs/access.md says of scopes is what the guard asks for."""

import re
from pathlib import Path

from services.runtime.access.needs import NEEDS, NOTHING

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_documented_scopes_are_those_of_the_table() -> None:
    documented = {
        (path, method): scope.strip("`").replace("no key", NOTHING)
        for scope, routes in re.findall(r"^\| (`\w+`|no key) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
        for method, path in re.findall(r"`([A-Z]+) (/[^`]*)`", routes)
    }
    assert documented == {(path, method): need for path, needs in NEEDS.items() for method, need in needs.items()}
