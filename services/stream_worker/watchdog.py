"""Ends the process when the worker has shown no sign of life for long, so that its supervisor starts it again.

A thread, because the event loop itself may be what hangs. It counts its own ticks, not the time: a process that was
suspended, or a machine that slept, shows no sign of life either, and nothing is wrong with it.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

PATIENCE_S = 45.0
EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""

_TICK_S = 1.0
_FAREWELL_S = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def watched(pulse: Callable[[], int], patience_s: float = PATIENCE_S, tick_s: float = _TICK_S) -> Iterator[None]:
    """As long as the context lasts, end the process when the number that `pulse` tells stays the same for too long."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(pulse, patience_s, tick_s, over), name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(pulse: Callable[[], int], patience_s: float, tick_s: float, over: threading.Event) -> None:
    last, ticks = pulse(), 0
    while ticks * tick_s < patience_s:
        if over.wait(tick_s):
            return
        now = pulse()
        ticks = 0 if now != last else ticks + 1
        last = now
    _end(patience_s)


def _end(patience_s: float) -> NoReturn:
    """Without any clean-up, of which each part may hang as well; even the log, whose lock may be held."""
    text = "the worker has shown no sign of life for %g s: this process ends, to be started again"
    farewell = threading.Thread(target=_log.critical, args=(text, patience_s), daemon=True)
    farewell.start()
    farewell.join(_FAREWELL_S)
    os._exit(EXIT_CODE)
