"""Ports on loopback: who uses them, and which nobody does."""

import random
import socket
from contextlib import ExitStack


def free_ports(*distances: int) -> list[int]:
    """Ports that lie so far from a common base and are all free now, e.g. `free_ports(0, 1)` for two in a row.

    The base is below 22,000: systems hand out ports to connections from 32,768 on (Linux) or higher, so what is
    free here is not taken by chance before it is used.
    """
    while True:
        base = random.randint(10_000, 22_000)
        ports = [base + distance for distance in distances]
        if _all_free(ports):
            return ports


def listens(port: int) -> bool:
    """Whether something takes connections on `port` of loopback now."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _all_free(ports: list[int]) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
