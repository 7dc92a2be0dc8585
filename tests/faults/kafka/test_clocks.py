"""The clocks of all of the product's processes jump by hours, forth and back: users stay what the log says.

The time of day is what Python takes it for plus what a file says. The clocks of Redis and brokers are left alone.
"""

import time
from pathlib import Path

import pytest

from tests.behaviour.conftest import kafka_env
from tests.behaviour.product import Product, running
from tests.faults.comparing import RULES, compare_every_user, sending
from tests.faults.kafka.injected import injected
from tests.faults.kafka.persistent import goes_on, load_of_its_own
from tests.support.seeds import random_of_this_run

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

JUMPS_H = (1, -1, 48, 0, -24, 0.5, 0)

SHIFTED = """
import os, time

def ahead_ns():
    with open(os.environ["AHEAD_NS"]) as file:
        return int(file.read())

real_ns = time.time_ns
time.time_ns = lambda: real_ns() + ahead_ns()
time.time = lambda: time.time_ns() / 1e9
"""


class Clock:
    """How far the product's processes are ahead of the real time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ahead-ns"
        self.env = injected(folder, SHIFTED) | {"AHEAD_NS": str(self._file)}
        self.jump(0)

    def jump(self, ahead_h: float) -> None:
        coming = self._file.with_suffix(".new")
        coming.write_text(f"{ahead_h * 3600e9:.0f}")
        coming.replace(self._file)


@pytest.mark.parametrize("log", ["embedded", "kafka"])
def test_clocks_that_jump_change_nothing(request: pytest.FixtureRequest, tmp_path: Path, log: str) -> None:
    random = random_of_this_run()
    load, clock = load_of_its_own(random), Clock(tmp_path)
    env = {"TRANCHE_PARTITIONS": "8"} | clock.env
    if log == "kafka":
        env |= kafka_env(request.getfixturevalue("kafka_bootstrap"))
    with running(Product(tmp_path / "up", env, workers=2)) as product:
        product.define(**RULES)
        with sending(product, load):
            for ahead_h in JUMPS_H:
                clock.jump(ahead_h)
                assert told_ahead_h(product) == pytest.approx(ahead_h, abs=0.01)
                goes_on(product)
                random.choice(product.roles("worker")).kill()
                goes_on(product)
        compare_every_user(product, load, random)


def told_ahead_h(product: Product) -> float:
    """By the product's own answer, so that a clock that did not jump cannot go unnoticed."""
    return float(product.lookup("anybody")["at"] / 1000 - time.time()) / 3600
