"""The clock of a process. Whoever needs the time is given a `Clock`, so that only wiring knows this one."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Tells the time in milliseconds since 1970, UTC."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000
