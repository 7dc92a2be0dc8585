"""How the file of API keys is changed: in one step, by one at a time, and open to the same people as before.

A service that could no longer read it would go on with the keys that it knows, those that were revoked among them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from services.runtime.access.api_keys import KeyRecord
from services.runtime.access.key_file import BadKeyFile, as_yaml, read_key_file

Change = Callable[[tuple[KeyRecord, ...]], Iterable[KeyRecord]]

_HEAD = "# Written by `tranche keys`: who may come in, and for what. The keys themselves are not in here.\n"
_OWN = 0o600


def change_key_file(path: Path, change: Change) -> None:
    """Write what `change` makes of the keys in the file, or of none where there is no file.

    Nobody else who comes this way changes the file meanwhile. Raises BadKeyFile, and what `change` raises.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    with _failing_as_key_file(path), _alone_in(path.parent):
        _replace(path, change(read_key_file(path) if path.exists() else ()))


def write_key_file(path: Path, records: Iterable[KeyRecord]) -> None:
    """Have the file hold these keys, whatever was in it. Raises BadKeyFile."""
    path = Path(os.path.realpath(path))
    with _failing_as_key_file(path), _alone_in(path.parent):
        _replace(path, records)


def _replace(path: Path, records: Iterable[KeyRecord]) -> None:
    incoming = path.with_name(f".{path.name}.incoming")
    incoming.unlink(missing_ok=True)  # of somebody who was killed
    try:
        incoming.touch(mode=_OWN, exist_ok=False)
        with incoming.open("w", encoding="utf-8") as file:
            if path.exists():
                _as_open_as(path, file.fileno())
            file.write(_HEAD + as_yaml(records))
            file.flush()
            os.fsync(file.fileno())
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)


def _as_open_as(path: Path, file: int) -> None:
    """Give an open file the owner, the group and the mode of another."""
    model = path.stat()
    try:
        os.fchown(file, model.st_uid, model.st_gid)
    except PermissionError:
        raise BadKeyFile(f"{path}: its owner and group cannot be kept: change it as its owner or as root") from None
    os.fchmod(file, model.st_mode & 0o777)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """The folder is locked, since the file is replaced."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flock(held, LOCK_EX)
        yield
    finally:
        os.close(held)


@contextmanager
def _failing_as_key_file(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror or type(error).__name__}") from None
