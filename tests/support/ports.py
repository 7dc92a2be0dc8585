"""Ports on loopback: who uses them, and which nobody does."""

import os
import random
import socket
from contextlib import ExitStack

_TEN = 10


def free_ports(*distances: int) -> list[int]:
    """Ports that lie so far from a common base and are all free now, e.g. `free_ports(0, 1)` for two in a row.

    The base is below 22,000: systems hand out ports to connections from 32,768 on (Linux) or higher, so what is
    free here is not taken by chance before it is used. Nor by tests that run side by side: the ports are dealt out
    among their processes by tens, where distances of up to 9 and of thousands lead to one's own again.
    """
    number, processes = _side_by_side()
    while True:
        base = _TEN * (random.randrange(1_000 // processes, 2_200 // processes) * processes + number)
        ports = [base + distance for distance in distances]
        if _all_free(ports):
            return ports


def listens(port: int) -> bool:
    """Whether something takes connections on `port` of loopback now."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _side_by_side() -> tuple[int, int]:
    """Which of how many processes this is, as pytest-xdist says."""
    name, processes = (os.environ.get(f"PYTEST_XDIST_WORKER{each}") for each in ("", "_COUNT"))
    return (int(name.removeprefix("gw")), int(processes)) if name and processes else (0, 1)


def _all_free(ports: list[int]) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
