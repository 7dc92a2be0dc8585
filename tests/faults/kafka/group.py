"""What happens to a group of workers: who joins and leaves, and for how long nobody works on a partition."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil

from services.local_stack.child_process import holds_within, start_child
from tests.behaviour.product import PATIENCE_S, TRANCHE, Product
from tests.support.ports import free_ports

MOST_GUESTS = 3


class Guests:
    """Workers beside the product's own ones, which join and leave."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.changes = 0
        self._log_path = folder / "guests.log"
        told = product.settings.model_dump(mode="json", exclude_defaults=True)
        self._env = {f"TRANCHE_{name.upper()}": str(value) for name, value in told.items()}
        self._guests: list[psutil.Process] = []

    def change(self, random: Random) -> None:
        """One joins, one leaves, or one is killed."""
        self.changes += 1
        if not self._guests or (len(self._guests) < MOST_GUESTS and random.random() < 0.5):
            self._join()
        else:
            leaving = self._guests.pop(random.randrange(len(self._guests)))
            random.choice((leaving.terminate, leaving.kill))()

    def leave(self) -> None:
        for each in self._guests:
            each.terminate()
        psutil.wait_procs(self._guests, PATIENCE_S)

    def _join(self) -> None:
        env = {**os.environ, **self._env, "TRANCHE_WORKER_PORT": str(free_ports(0)[0])}
        self._guests.append(psutil.Process(start_child([str(TRANCHE), "worker"], env, self._log_path).pid))


@contextmanager
def guests(product: Product, folder: Path) -> Iterator[Guests]:
    storm = Guests(product, folder)
    try:
        yield storm
    finally:
        storm.leave()


class Idleness:
    """How long a partition's watermark has stood still at most, while something was sent to all of them."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._moved_s: dict[int, float] = {}
        self._watermarks: dict[int, int] = {}

    def watch(self, product: Product, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._look(watermarks(product), time.monotonic())
            time.sleep(0.2)

    def _look(self, found: dict[int, int], now_s: float) -> None:
        for partition, watermark in found.items():
            if self._watermarks.get(partition) != watermark:
                self._moved_s[partition] = now_s
            self.longest_s = max(self.longest_s, now_s - self._moved_s[partition])
        self._watermarks |= found


def wait_until_applied_so_far(product: Product) -> None:
    """Wait until what the log holds now is applied, while more may be sent."""
    status: dict[str, Any] = {}

    def applied_so_far() -> bool:
        now = watermarks(product)
        return bool(now) and all(now[each["partition"]] >= each["end"] for each in status["partitions"])

    def told() -> bool:
        status.update(product.status())
        return bool(status["partitions"])

    assert holds_within(PATIENCE_S, told), product.condition()
    assert holds_within(PATIENCE_S, applied_so_far), product.condition()


def watermarks(product: Product) -> dict[int, int]:
    """By partition; empty while the API has no answer."""
    return {each["partition"]: each["watermark"] for each in product.status()["partitions"]}
