"""The folder of what was trained: DIR/MODEL/VERSION.json (snapshots), state.json (to go on from) and trial.json.

A file is there as a whole or not at all. What an earlier training left of a model goes when it is trained anew.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import orjson

from services.model_tools.tried import Tried
from services.runtime.errors import OperatorError
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.models.wire import decode_snapshot, encode_snapshot
from services.segmentation.training.port import State

STATE, TRIAL = "state.json", "trial.json"
_SNAPSHOT = re.compile(r"[0-9]+\.json")

T = TypeVar("T")


class BadFolder(OperatorError):
    """There is nothing to read here, or not what there should be; the message says which file."""


class ModelFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def clear(self) -> None:
        """Make it, without what an earlier training left. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        for file in [self.path / TRIAL, self.path / STATE, *self._snapshots()]:
            file.unlink(missing_ok=True)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        self._put(f"{snapshot.version}.json", encode_snapshot(snapshot))

    def put_state(self, state: State) -> None:
        self._put(STATE, orjson.dumps(state))

    def put_trial(self, tried: Tried) -> None:
        self._put(TRIAL, tried.model_dump_json().encode())

    def snapshots(self) -> Sequence[Snapshot]:
        """All versions, the oldest first. Raises BadFolder."""
        return [_read(file, decode_snapshot) for file in self._snapshots()]

    def trial(self) -> Tried:
        """Raises BadFolder."""
        return _read(self.path / TRIAL, Tried.model_validate_json)

    def _snapshots(self) -> list[Path]:
        files = [file for file in self.path.glob("*.json") if _SNAPSHOT.fullmatch(file.name)]
        return sorted(files, key=lambda file: int(file.stem))

    def _put(self, name: str, data: bytes) -> None:
        unfinished = self.path / f"{name}.part"
        unfinished.write_bytes(data)
        unfinished.replace(self.path / name)


def model_folders(path: Path) -> list[ModelFolder]:
    """Those of the models in a folder, or of the one whose folder it is. Raises BadFolder."""
    found = [path] if (path / TRIAL).exists() else sorted(file.parent for file in path.glob(f"*/{TRIAL}"))
    if not found:
        raise BadFolder(f"{path}: no trained model here; `tranche models train --out {path} …` puts some there")
    return [ModelFolder(each) for each in found]


def _read(file: Path, read: Callable[[bytes], T]) -> T:
    try:
        return read(file.read_bytes())
    except OSError as error:
        raise BadFolder(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise BadFolder(f"{file} is not as `tranche models train` writes it: {error}") from None
