"""A seed says everything about a run: it can be run again, anywhere, and is told in words."""

import os
import subprocess
import sys

import pytest

from tests.simulation.run import run

SEED = 20_241_122


def test_a_seed_runs_the_same_way_again_whatever_ran_before() -> None:
    first = run(SEED).trace.digest()
    assert run(SEED + 1).trace.digest() != first
    assert run(SEED).trace.digest() == first


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_with_other_hashes_runs_it_the_same_way(hash_seed: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(SEED), "--trace"]
    told = subprocess.check_output(command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, text=True)
    assert told.splitlines()[-1] == f"digest of the trace: {run(SEED).trace.digest()}"
    assert "all is well from now on" in told
    assert f"seed {SEED}: every user equals the oracle" in told
