"""Randomness that a failing run can be repeated with."""

import os
import random


def random_of_this_run() -> random.Random:
    """A generator whose seed is printed, and taken from TRANCHE_TEST_SEED where that is set."""
    seed = int(os.environ.get("TRANCHE_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"TRANCHE_TEST_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    return random.Random(seed)
