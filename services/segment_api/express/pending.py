"""Who reads what for a lookup: told what is stored, they have it answered, unless that is over already."""

from collections.abc import Sequence
from typing import Protocol

from services.runtime.express import Caller
from services.segment_api.lookups.answer import Question
from services.segment_api.reads import Server


class Answers(Protocol):
    """What becomes of a lookup; exactly one of these ends it."""

    def answer(self, pending: "Pending", stored: bytes | None) -> None:
        """From the membership."""

    def answer_from_all(self, pending: "Pending", stored: Sequence[bytes | None]) -> None:
        """From membership and profile, read together."""

    def hand_over(self, pending: "Pending") -> None:
        """To the route."""

    def give_up(self, pending: "Pending") -> None:
        """As degraded."""


class Pending:
    """A lookup that is under way; the reader of its own read."""

    __slots__ = ("_answers", "arrived_s", "caller", "is_over", "question", "server", "user_id")

    server: Server

    def __init__(self, answers: Answers, caller: Caller, user_id: str, question: Question, arrived_s: float) -> None:
        self._answers, self.caller, self.user_id, self.question = answers, caller, user_id, question
        self.arrived_s, self.is_over = arrived_s, False

    def told(self, value: bytes | None) -> None:
        self.server.end(was_heard=True)
        if not self.is_over:
            self._answers.answer(self, value)

    def refused(self, _: str) -> None:
        """As by a cluster's node that does not hold the key: the route follows redirects."""
        self.server.end(was_heard=True)
        if not self.is_over:
            self._answers.hand_over(self)

    def missed(self) -> None:
        self.server.end(was_heard=False)
        if not self.is_over:
            self.server.in_vain += 1
            self._answers.give_up(self)


class All:
    """The reader of all that is stored of a user."""

    def __init__(self, answers: Answers, pending: Pending) -> None:
        self._answers, self._pending = answers, pending

    def told(self, value: Sequence[bytes | None]) -> None:
        self._pending.server.end(was_heard=True)
        if not self._pending.is_over:
            self._answers.answer_from_all(self._pending, value)

    def refused(self, _: str) -> None:
        self._pending.server.end(was_heard=True)
        if not self._pending.is_over:
            self._answers.hand_over(self._pending)

    def missed(self) -> None:
        self._pending.server.end(was_heard=False)
        if not self._pending.is_over:
            self._answers.give_up(self._pending)
