"""What the demo refuses, in one line and before it starts anything. That it works is tested by running it in CI."""

import subprocess
import sys
from pathlib import Path

import pytest

TRANCHE = Path(sys.executable).with_name("tranche")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--format", "bogus"), "tranche: no format 'bogus'; there are globo_news, "),
        (("--format", "rees46"), "tranche: expected a header with the columns event_time, "),
    ],
)
def test_a_recording_that_is_none_is_refused_in_one_line(
    tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no events here\n")
    command = [str(TRANCHE), "demo", "--data", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(complaint)
    assert len(done.stderr.splitlines()) == 1
    assert "Starting" not in done.stdout
