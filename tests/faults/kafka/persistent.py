"""A client that does what it is told to: it sends a batch again and again until it is answered 202."""

import time
from collections.abc import Sequence
from random import Random
from uuid import uuid4

import httpx

from services.local_stack.child_process import holds_within
from services.segmentation.events import Event, encode_event
from tests.behaviour.product import PATIENCE_S, Product
from tests.faults.comparing import Load, applied

PAUSE_S = 0.1
SOME = 100  # records


class PersistentClient:
    """Sends each batch until it is taken, `times` over."""

    def __init__(self, product: Product, times: int = 1) -> None:
        self.longest_s = 0.0
        """What a batch has taken until its 202, at most."""
        self.refused = 0
        self._product, self._times = product, times

    def send(self, batch: Sequence[Event]) -> None:
        body = b"[%s]" % b",".join(encode_event(event) for event in batch)
        for _ in range(self._times):
            began_s = time.monotonic()
            while not self._is_taken(body):
                assert time.monotonic() - began_s < PATIENCE_S, "nothing is taken any more"
                self.refused += 1
                time.sleep(PAUSE_S)
            self.longest_s = max(self.longest_s, time.monotonic() - began_s)

    def _is_taken(self, body: bytes) -> bool:
        """False for a 503 and for a connection that breaks; anything else but 202 is a mistake."""
        try:
            status = self._product.collector.post("/v1/events", content=body).status_code
        except httpx.TransportError:
            return False
        assert status in {202, 503}
        return status == 202


def load_of_its_own(random: Random, users: int = 150) -> Load:
    """A load for users that no other has, which draws from a generator of its own."""
    return Load(Random(random.getrandbits(64)), users, name=uuid4().hex)


def goes_on(product: Product, within_s: float = PATIENCE_S) -> None:
    """Return once its workers have applied some more of what is being sent."""
    before = applied(product)
    assert holds_within(within_s, lambda: applied(product) > before + SOME), product.condition()
