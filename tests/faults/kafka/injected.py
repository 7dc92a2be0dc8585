"""Faults that strike inside of the product's processes: Python runs `sitecustomize` in each at its start."""

import os
from pathlib import Path


def injected(folder: Path, code: str) -> dict[str, str]:
    """The environment of processes that run `code` before anything else; `sys.orig_argv[-1]` tells it the role."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}
