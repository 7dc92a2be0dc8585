"""Writes into tallies what becomes of requests, and hands over what is new since it was last asked."""

import math
import time

from loadtests.load.measured.outcomes import GOOD, WAITED
from loadtests.load.measured.tally import Tallies


class Recorder:
    """Moments are of time.monotonic(); `begin_s` begins second 0."""

    def __init__(self, begin_s: float) -> None:
        self._begin_s = begin_s
        self._tallies = Tallies()

    def handed_over(self, kind: str, due_s: float, now_s: float) -> None:
        tally = self._tallies.at(self._second(due_s), kind)
        tally.due += 1
        tally.late.record_s(now_s - due_s)

    def ended(self, kind: str, due_s: float, outcome: str) -> None:
        now_s = time.monotonic()
        tally = self._tallies.at(self._second(due_s), kind)
        tally.outcomes[outcome] += 1
        if outcome in WAITED:
            tally.latency.record_s(now_s - due_s)
        if outcome in GOOD:
            self._tallies.at(self._second(now_s), kind).served += 1

    def take(self) -> Tallies:
        taken, self._tallies = self._tallies, Tallies()
        return taken

    def _second(self, moment_s: float) -> int:
        return math.floor(moment_s - self._begin_s)
