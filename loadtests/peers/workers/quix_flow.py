"""What every Quix Streams flow here shares: the state in its own store, and settings in its favour.

Without changelog topics it starts 20 s sooner. When it starts it asks for the ends of all partitions, one by one, each
behind a fetch that waits for further events: up to half a minute where all are fetched, and not at all where many are
left. Waiting 10 ms at most keeps the start of few events like that of many, which it has to be to be taken off.
"""

import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from quixstreams import Application, State
from quixstreams.sinks.base import BaseSink

from loadtests.peers.workers.features import Event, fold, new_state

_COMMIT_EVERY_S = 1.0
_FETCH_WAIT_MS = 10


def folded(event: Event, state: State) -> Any:
    """Add an event to its user's state: the state after it."""
    user = state.get("user") or new_state()
    fold(user, event)
    state.set("user", user)
    return user


def run(function: Callable[[Event, State], Any], sink_at: Callable[[str], BaseSink]) -> None:
    """What a module's `main` does: `BOOTSTRAP TOPIC GROUP REDIS_URL`, until SIGTERM."""
    bootstrap, topic, group, redis_url = sys.argv[1:]
    with TemporaryDirectory() as folder:
        app = Application(
            bootstrap,
            consumer_group=group,
            auto_offset_reset="earliest",
            commit_interval=_COMMIT_EVERY_S,
            state_dir=folder,
            use_changelog_topics=False,
            consumer_extra_config={"fetch.wait.max.ms": _FETCH_WAIT_MS},
            loglevel="WARNING",
        )
        stream = app.dataframe(app.topic(topic, value_deserializer="json"))
        stream.apply(function, stateful=True).sink(sink_at(redis_url))
        app.run()
