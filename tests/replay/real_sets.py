"""Where the recorded logs of real sites are. They are for research only, so none of them comes with the product."""

import os
from pathlib import Path

import pytest


def real_set(file: str) -> Path:
    """The path of a recorded log. Where it is missing, the test is skipped; in CI it fails."""
    path = Path(os.environ.get("TRANCHE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data") / file
    if path.exists():
        return path
    reason = f"no recorded log at {path}: TRANCHE_TEST_DATA can name the folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
