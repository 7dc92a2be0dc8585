"""A key that is not good for all that the demo asks is told as such, before anything is sent."""

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.demo.key_check import refuse_weak_key
from services.replay.lag import KeyRefused
from services.runtime.access.api_keys import KeyRing, Scope, new_key
from services.runtime.access.guard import Guard
from services.runtime.access.key_file_edits import write_key_file
from tests.access.test_replay_key import served
from tests.replay.stand_in import StandIn
from tests.support.ports import free_ports

TRANCHE = Path(sys.executable).with_name("tranche")
NEEDED = (Scope.LOOKUP, Scope.SEGMENTS, Scope.OPERATIONS)


@pytest.mark.parametrize("scopes", [set(), {Scope.OPERATIONS}, {Scope.LOOKUP, Scope.SEGMENTS}, set(NEEDED)])
async def test_a_key_is_refused_by_the_scopes_that_it_lacks(scopes: Collection[Scope]) -> None:
    key, record = new_key("demo", scopes or [Scope.PRIVACY])
    missing = [scope for scope in NEEDED if scope not in scopes]
    async with served(Guard(StandIn(), lambda: KeyRing([record]), lambda: 0)) as url:  # type: ignore[arg-type]
        if not missing:
            await refuse_weak_key(url, key)
            return
        told = ", ".join(f"`{scope}`" for scope in missing)
        with pytest.raises(KeyRefused, match=f"it was refused {told}:") as raised:
            await refuse_weak_key(url, key)
        assert key not in str(raised.value)


async def test_where_no_key_is_asked_for_none_is_needed() -> None:
    async with served(StandIn()) as url:  # type: ignore[arg-type]
        await refuse_weak_key(url, None)


def test_the_demo_ends_in_one_line_and_sends_nothing(tmp_path: Path) -> None:
    key, record = new_key("operations alone", [Scope.OPERATIONS])
    path, recording = tmp_path / "keys.yaml", tmp_path / "recording"
    write_key_file(path, [record])
    recording.write_text('{"event_id": "e", "user_id": "u", "type": "view"}\n')
    ports = [f"--{name}-port={port}" for name, port in zip(("api", "collector"), free_ports(0, 1), strict=True)]
    env = os.environ | {"TRANCHE_API_KEYS": str(path), "TRANCHE_API_KEY": key}
    command = [str(TRANCHE), "demo", "--data", str(recording), *ports]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("tranche: the demo takes an API key that is good for ")
    assert "Traceback" not in done.stderr
    assert "accepted" not in done.stdout


def test_the_help_names_the_scopes_that_each_command_takes() -> None:
    shown = {
        name: CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).stdout for name in ("demo", "replay")
    }
    assert "lookup, segments and operations" in shown["demo"]
    assert "good for operations" in shown["replay"]
