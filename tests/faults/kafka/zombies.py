"""Workers that stop at the worst moment: a batch is worked out, and its write has not been sent."""

from pathlib import Path

import psutil

from services.local_stack.child_process import holds_within
from tests.behaviour.product import PATIENCE_S, Product
from tests.faults.kafka.injected import injected
from tests.support.processes import status_of

_STOPS_BEFORE_A_WRITE = """
import os, signal, sys

def has_the_turn():
    try:
        os.unlink(os.environ["NEXT_ZOMBIE"])
    except FileNotFoundError:
        return False
    return True

if sys.orig_argv[-1] == "worker":
    from services.stream_worker.store import UserStore

    apply = UserStore.apply

    async def apply_or_stop(self, partition, begin, end, *rest):
        if end > begin and has_the_turn():
            os.kill(os.getpid(), signal.SIGSTOP)
        return await apply(self, partition, begin, end, *rest)

    UserStore.apply = apply_or_stop
"""


class Zombies:
    """Has the next worker that is about to write stop by itself."""

    def __init__(self, folder: Path) -> None:
        self._next = folder / "next-zombie"
        self.env = injected(folder, _STOPS_BEFORE_A_WRITE) | {"NEXT_ZOMBIE": str(self._next)}

    def stop_one(self, product: Product) -> psutil.Process:
        """Call it while there is something to write."""
        self._next.touch()
        assert holds_within(PATIENCE_S, lambda: bool(_stopped(product))), product.condition()
        return _stopped(product)[0]


def _stopped(product: Product) -> list[psutil.Process]:
    return [each for each in product.roles("worker") if status_of(each) == psutil.STATUS_STOPPED]
