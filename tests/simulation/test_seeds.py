"""Nothing is lost and nothing counted twice, whatever happens to workers, log and Redis: as many seeds as time allows.

TRANCHE_TEST_SEED repeats the seeds of a run, TRANCHE_TEST_LONG=1 runs many more. A seed that fails says how to read it.
"""

import os

import pytest

from tests.simulation.happenings import (
    AN_EDIT_IS_LOST,
    Happens,
    a_partition_is_emptied,
    everything_is_lost,
    redis_loses_writes,
    told_and_lost,
)
from tests.simulation.many import failures_within
from tests.simulation.run import run
from tests.support.seeds import random_of_this_run

FOR_S = 600 if os.environ.get("TRANCHE_TEST_LONG") else 6
LEAST = 2_000
"""Seeds that are run however long it takes, on a machine that is slow or busy."""
PROCESSES = min(os.cpu_count() or 1, 8)


@pytest.mark.timeout(FOR_S + 300)
def test_every_user_equals_the_oracle_whatever_happens() -> None:
    first = random_of_this_run().randrange(2**40)
    runs, failed = failures_within(FOR_S, LEAST, first, PROCESSES)
    print(f"{runs} seeds from {first} on")  # noqa: T201 - pytest shows it where the test fails
    assert failed == []


@pytest.mark.parametrize("loss", [redis_loses_writes, everything_is_lost, a_partition_is_emptied])
def test_consumers_of_changes_end_where_the_oracle_is_though_redis_lost_what_was_told_and_the_catalog_was_edited(
    loss: Happens,
) -> None:
    seeds = range(400 if os.environ.get("TRANCHE_TEST_LONG") else 20)
    assert [seed for seed in seeds if run(seed, script=told_and_lost(loss), tells=True).error] == []


@pytest.mark.long
def test_an_edit_that_redis_lost_leaves_nothing_behind() -> None:
    assert not any(run(seed, script=AN_EDIT_IS_LOST, tells=False).error for seed in range(400))


@pytest.mark.long
def test_telling_changes_never_gives_up() -> None:
    assert not any(run(seed, tells=True).trace.complaints for seed in range(1_000))
