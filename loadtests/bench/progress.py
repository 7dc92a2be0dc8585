"""A line on the terminal that tells how far something is, so that nobody wonders whether it hangs."""

import sys
import time

_SHOW_EVERY_S = 0.2


class Progress:
    """On standard error; silent where that is no terminal but for the last line."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._shown_s = 0.0

    def add(self, count: int) -> None:
        self._done += count
        last = self._done >= self._total
        if last or (sys.stderr.isatty() and time.monotonic() - self._shown_s > _SHOW_EVERY_S):
            self._shown_s = time.monotonic()
            end = "\n" if last else ""
            sys.stderr.write(f"\r{self._what}: {self._done:,} of {self._total:,}{end}")
            sys.stderr.flush()


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
