"""The same users, lookups and events for those who live in Locust.

    python -m locust -f loadtests/locust/locustfile.py --headless -u 50 -r 50 -t 60s -H http://127.0.0.1:8080

run from the checkout. `-H` is the API; the collector is TRANCHE_COLLECTOR_URL (else http://127.0.0.1:8081), the key
TRANCHE_API_KEY. A user asks so often at most (`constant_throughput`) and waits for each answer: a slow service gets
less load, and its slowest answers are rarer in the figures than they are. `python -m loadtests run` has no such flaw.
"""

import itertools
import os
import secrets
import time
from collections.abc import Sequence

from locust import FastHttpUser, constant_throughput, task

from loadtests.load.measured.outcomes import GOOD, judge
from loadtests.load.traffic.actions import Action, Actions, Ask, Crowd, batch, event, lookup, page

CROWD = Crowd(
    seed=int(os.environ.get("LOADTEST_SEED", "1")),
    users=int(os.environ.get("LOADTEST_USERS", "10000")),
    exponent=float(os.environ.get("LOADTEST_ZIPF", "0.9")),
    run=secrets.token_hex(4),
)
COLLECTOR = os.environ.get("TRANCHE_COLLECTOR_URL", "http://127.0.0.1:8081")
KEY = os.environ.get("TRANCHE_API_KEY")
NUMBERS = itertools.count()
PAGES_SHARE = 0.1


class _Visits(FastHttpUser):
    """`actions` is what one task makes of an arrival."""

    abstract = True
    actions: Sequence[tuple[float, Action]] = ()

    def on_start(self) -> None:
        self._actions = Actions(CROWD, self.actions)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})

    @task
    def visit(self) -> None:
        for ask in self._actions.of(next(NUMBERS), int(time.time() * 1000)):
            self._send(ask)

    def _send(self, ask: Ask) -> None:
        """Degraded answers and 503 are failures here: Locust knows nothing between good and bad."""
        url = f"{COLLECTOR}{ask.path}" if ask.kind == "event" else ask.path
        method = "POST" if ask.body else "GET"
        data = ask.body.decode() or None
        with self.client.request(
            method, url, data=data, headers=self._headers, name=ask.kind, catch_response=True
        ) as answer:
            outcome = judge(ask.kind, answer.status_code, answer.content or b"")
            if outcome in GOOD:
                answer.success()
            else:
                answer.failure(outcome)


class AdServer(_Visits):
    """Asks about one user, ten times a second."""

    weight = 3
    wait_time = constant_throughput(10)
    actions = ((1 - PAGES_SHARE, lookup), (PAGES_SHARE, page))


class Website(_Visits):
    """Sends an event, ten times a second."""

    weight = 1
    wait_time = constant_throughput(10)
    actions = ((1, event),)


class Campaign(_Visits):
    """Asks about many users, once in two seconds."""

    fixed_count = 1
    wait_time = constant_throughput(0.5)
    actions = ((1, batch),)
