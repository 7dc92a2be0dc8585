"""A seed says everything about a run: it can be run again, anywhere, and is told in words."""

import os
import subprocess
import sys

import pytest

from tests.simulation.run import run

SEED = 20_241_122
SEEDS = range(SEED, SEED + 20)
DIGESTS = f"""
from tests.simulation.run import run
for seed in reversed({SEEDS!r}):
    print(run(seed).trace.digest())
"""


def test_a_seed_runs_the_same_way_again_whatever_ran_before() -> None:
    first = run(SEED).trace.digest()
    assert run(SEED + 1).trace.digest() != first
    assert run(SEED).trace.digest() == first


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_with_other_hashes_runs_seeds_the_same_way_in_any_order(hash_seed: str) -> None:
    digests = told_by_a_process(hash_seed, "-c", DIGESTS)
    assert digests[::-1] == [run(seed).trace.digest() for seed in SEEDS]


def test_a_seed_is_read_as_it_ran() -> None:
    told = told_by_a_process("3", "-m", "tests.simulation", "--seed", str(SEED), "--trace")
    assert told[-1] == f"digest of the trace: {run(SEED).trace.digest()}"
    assert told[-2] == f"seed {SEED}: every user equals the oracle"
    assert any("all is well from now on" in line for line in told)


def told_by_a_process(hash_seed: str, *arguments: str) -> list[str]:
    told = subprocess.check_output(
        [sys.executable, *arguments], env=os.environ | {"PYTHONHASHSEED": hash_seed}, text=True
    )
    return told.splitlines()
