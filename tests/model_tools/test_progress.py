"""While things are gone through, it can be seen how far it is."""

import io

import pytest
from rich.console import Console

from services.model_tools import progress
from services.model_tools.progress import Far, shown
from services.replay import screens


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_same_things_come_and_the_last_word_is_that_all_is_done(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "LINE_S", 0.0)
    monkeypatch.setattr(progress, "EVERY", 10)
    monkeypatch.setattr(progress, "FRAME_S", 0.0)
    file, seen = io.StringIO(), list[int]()
    console = Console(file=file, force_terminal=is_terminal, width=100)
    for thing in shown(console, "learning", range(25), lambda: Far(len(seen) / 25, f"{len(seen)} of 25 [b]")):
        seen.append(thing)
    assert seen == list(range(25))
    printed = file.getvalue()
    assert "learning" in printed
    assert "100%" in printed
    assert "25 of 25 [b]" in printed
    if not is_terminal:
        assert [line.split()[1] for line in printed.splitlines()] == ["4%", "44%", "84%", "100%"]
