"""Events of users who were never seen before, in any number, without holding more than some of them. Pure."""

from collections.abc import Iterator

from loadtests.bench.workers.events import Json, Workload, events_of, user_id

SOME = 50_000


def newcomers(begin: int, end: int, events_each: int, now_ms: int) -> Iterator[list[Json]]:
    """In batches: the events of the users of rank `begin` up to `end`, so many of each, of the day before `now_ms`."""
    for first in range(begin, end, SOME):
        users = range(first, min(first + SOME, end))
        workload = Workload(len(users) * events_each, len(users), skew=0, end_ms=now_ms, seed=first)
        yield [
            {**event, "user_id": user_id(users[index % len(users)])} for index, event in enumerate(events_of(workload))
        ]
