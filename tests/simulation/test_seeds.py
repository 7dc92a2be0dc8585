"""Nothing is lost and nothing counted twice, whatever happens to workers, log and Redis: as many seeds as time allows.

TRANCHE_TEST_SEED repeats the seeds of a run, TRANCHE_TEST_LONG=1 runs many more. A seed that fails says how to read it.
"""

import os

import pytest

from tests.simulation.happenings import AN_EDIT_IS_LOST
from tests.simulation.many import failures_within
from tests.simulation.run import run
from tests.support.seeds import random_of_this_run

FOR_S = 600 if os.environ.get("TRANCHE_TEST_LONG") else 6
PROCESSES = min(os.cpu_count() or 1, 8)


@pytest.mark.timeout(FOR_S + 300)
def test_every_user_equals_the_oracle_whatever_happens() -> None:
    first = random_of_this_run().randrange(2**40)
    runs, failed = failures_within(FOR_S, first, PROCESSES)
    print(f"{runs} seeds from {first} on")  # noqa: T201 - pytest shows it where the test fails
    assert failed == []


@pytest.mark.long
def test_an_edit_that_redis_lost_leaves_nothing_behind() -> None:
    assert not any(run(seed, script=AN_EDIT_IS_LOST, tells=False).error for seed in range(400))


@pytest.mark.long
def test_telling_changes_never_gives_up() -> None:
    assert not any(run(seed, tells=True).trace.complaints for seed in range(1_000))
