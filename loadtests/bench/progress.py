"""A line on the terminal that tells how far something is and how long it will take, so that nobody wonders whether it
hangs. Where standard error is no terminal, a line of its own from time to time."""

import sys
import time

_SHOW_EVERY_S = 0.2
_WRITE_EVERY_S = 30.0


class Progress:
    """On standard error. The time it takes is reckoned from what was done so far."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._begun_s = self._shown_s = time.monotonic()

    def add(self, count: int) -> None:
        self._done += count
        is_last, now_s = self._done >= self._total, time.monotonic()
        is_terminal = sys.stderr.isatty()
        if is_last or now_s - self._shown_s > (_SHOW_EVERY_S if is_terminal else _WRITE_EVERY_S):
            self._shown_s = now_s
            line = f"{self._what}: {self._done:,} of {self._total:,}{self._still(now_s)}"
            sys.stderr.write(f"\r{line}\033[K{_end(is_last)}" if is_terminal else f"{line}\n")
            sys.stderr.flush()

    def _still(self, now_s: float) -> str:
        left_s = (self._total - self._done) * (now_s - self._begun_s) / max(1, self._done)
        return f", {span(left_s)} more" if left_s > 0 else f", took {span(now_s - self._begun_s)}"


def span(seconds: float) -> str:
    """As people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _end(is_last: bool) -> str:
    return "\n" if is_last else ""
