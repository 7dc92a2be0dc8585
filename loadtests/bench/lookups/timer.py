"""A timer of the kernel that epoll can wait for, to the microsecond: epoll's own time-out counts whole milliseconds."""

import ctypes
import os

_CLOCK_MONOTONIC = 1
_NONBLOCK = 0o4000


class _Interval(ctypes.Structure):
    """struct itimerspec, timerfd_create(2): the period, then the time until the first end of one."""

    _fields_ = (
        ("period_s", ctypes.c_long),
        ("period_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


def periodic_timer(period_s: float) -> int:
    """A file descriptor that becomes readable with each period, and stays so until it is read. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    seconds, nanoseconds = divmod(round(period_s * 1e9), 1_000_000_000)
    timer = library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK)
    setting = _Interval(seconds, nanoseconds, seconds, nanoseconds)
    if timer < 0 or library.timerfd_settime(timer, 0, ctypes.byref(setting), None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(timer)
