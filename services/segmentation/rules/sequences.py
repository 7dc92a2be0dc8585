"""When the steps of a sequence were last completed. Everything that decides it lives here.

The events are walked once in the order of time. For each number of steps the latest possible first event of a chain
that has come so far is remembered: the later a chain began, the sooner it is complete within the time allowed.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter

from services.segmentation.profile import Profile
from services.segmentation.rules import nodes
from services.segmentation.rules.series import matcher

Moments = Iterable[tuple[int, list[int]]]
"""Rising moments, and which steps there is an event for at each."""


def latest_completion(term: nodes.Sequence) -> Callable[[Profile], int | None]:
    """How to find the moment of the last event of the latest complete sequence; None when there is none."""
    matching = [(step.type, matcher(step.filters)) for step in term.steps]

    def find(profile: Profile) -> int | None:
        found = [
            (entry.ts_ms, index)
            for index, (event_type, keeps) in enumerate(matching)
            if (log := profile.types.get(event_type))
            for entry in keeps(log.entries)
        ]
        moments = groupby(sorted(found), key=itemgetter(0))
        return _latest(((at_ms, [step for _, step in steps]) for at_ms, steps in moments), term)

    return find


def _latest(moments: Moments, term: nodes.Sequence) -> int | None:
    begun_ms: list[int | None] = [None] * len(term.steps)
    completed_ms = None
    for at_ms, steps in moments:
        for step in reversed(steps):  # from the last one, so that each still sees what was before this moment
            begin_ms = at_ms if step == 0 else begun_ms[step - 1]
            begun_ms[step] = _later(begun_ms[step], begin_ms)
            if step == len(begun_ms) - 1 and begin_ms is not None and _in_time(at_ms - begin_ms, term.within_ms):
                completed_ms = at_ms
    return completed_ms


def _later(first_ms: int | None, second_ms: int | None) -> int | None:
    return second_ms if first_ms is None else first_ms if second_ms is None else max(first_ms, second_ms)


def _in_time(elapsed_ms: int, within_ms: int | None) -> bool:
    return within_ms is None or elapsed_ms <= within_ms
