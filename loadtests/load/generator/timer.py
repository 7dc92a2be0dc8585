"""Wakes an event loop at a moment to some 0.1 ms. The loops' own timers know whole milliseconds only, and up to one of
them would stand in every latency that counts from a scheduled moment."""

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from typing import Protocol

_ABSOLUTE, _NON_BLOCKING, _CLOSE_ON_EXEC = 1, 0o4000, 0o2000000
_MONOTONIC = 1
_PAST_S = 1e-9  # a moment of 0 would disarm it


class Timer(Protocol):
    def arm(self, at_s: float) -> None:
        """Wake once at this moment of time.monotonic(), or at once where it is over; instead of any before."""

    def close(self) -> None: ...


def open_timer(wake: Callable[[], None]) -> Timer:
    """On the running loop: Linux' timerfd, elsewhere the loop's own timer."""
    return _Timerfd(wake) if sys.platform == "linux" else _LoopTimer(wake)


class _Timerfd:
    """See timerfd_create(2). Python has it from 3.13 on only."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(_MONOTONIC, _NON_BLOCKING | _CLOSE_ON_EXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    def arm(self, at_s: float) -> None:
        whole, part = divmod(max(at_s, _PAST_S), 1)
        self._libc.timerfd_settime(
            self._fd, _ABSOLUTE, struct.pack("qqqq", 0, 0, int(whole), int(part * 1e9) + 1), None
        )

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _expired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # it was armed anew after it had expired
        self._wake()


class _LoopTimer:
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_s: float) -> None:
        self.close()
        self._handle = self._loop.call_at(at_s, self._wake)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
