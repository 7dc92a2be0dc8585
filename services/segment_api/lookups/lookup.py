"""How a lookup goes: read what is stored, in time or not at all, and have it answered. Nothing here ever fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from services.runtime.clock import Clock
from services.segment_api.lookups.answer import Answer, Answering, Question
from services.segment_api.lookups.strangers import Strangers
from services.segment_api.reads import BoundedReads
from services.segmentation.catalog import Catalog
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys

T = TypeVar("T")

STRETCH = 50
"""Users of a batch answered before other requests get their turn: a millisecond or two."""


@dataclass(frozen=True)
class Lookup:
    """`unreadable` is told of stored bytes that cannot be read; the answer for such a user is degraded.

    `evaluated` is told of each user whose profile had to be evaluated.
    """

    reads: BoundedReads
    catalog: Callable[[], Catalog]
    strangers: Strangers
    partitions: int
    zones: TimeZones
    consent_required: bool
    now_ms: Clock
    unreadable: Callable[[Exception], None]
    evaluated: Callable[[], None]

    async def many(self, user_ids: Sequence[str], question: Question, deadline_s: float) -> list[Answer]:
        """An answer for each user, in order; degraded where the state has not come `deadline_s` seconds from now."""
        by_s = time.monotonic() + deadline_s
        answering = self._answering(question)
        stored = await self._read(user_ids, question.space, by_s, keys.membership)
        if stored is None:
            return [answering.degraded(user_id) for user_id in user_ids]
        answers = {
            user_id: self._guarded(answering, user_id, partial(answering.from_membership, user_id, membership))
            async for user_id, (membership,) in _in_turns(stored.items(), STRETCH)
        }
        untold = [user_id for user_id, answer in answers.items() if answer is None]
        answers |= await self._evaluate(answering, untold, by_s) if untold else {}
        return [answer for user_id in user_ids if (answer := answers[user_id]) is not None]

    async def _evaluate(self, answering: Answering, user_ids: Sequence[str], by_s: float) -> dict[str, Answer]:
        """Answers from the profiles, where the stored memberships do not tell; a rare and slow path.

        Each membership is read again together with its profile, so that they belong together.
        """
        stored = await self._read(user_ids, answering.question.space, by_s, keys.membership, keys.profile) or {}
        answers = {user_id: answering.degraded(user_id) for user_id in user_ids}
        async for user_id, (membership, profile) in _in_turns(stored.items(), 1):
            if membership is not None and profile is not None and time.monotonic() < by_s:
                evaluate = partial(answering.from_profile, user_id, membership, profile)
                answers[user_id] = self._guarded(answering, user_id, evaluate)
                self.evaluated()
        return answers

    def _answering(self, question: Question) -> Answering:
        catalog, zone = self.catalog(), self.zones.of(question.space)
        stranger = self.strangers.of(catalog, zone)
        return Answering(question, catalog, stranger, zone, self.now_ms(), self.consent_required)

    async def _read(
        self, user_ids: Sequence[str], space: str, by_s: float, *sorts: Callable[[int, str], str]
    ) -> dict[str, Sequence[bytes | None]] | None:
        """The values of some sorts that are stored of each user; None when they did not come in time."""
        places = [(partition_of(user_id, self.partitions), keys.member(space, user_id)) for user_id in user_ids]
        values = await self.reads.get([sort(*place) for place in places for sort in sorts], by_s)
        return None if values is None else dict(zip(user_ids, _in_rows(values, len(sorts)), strict=True))

    def _guarded(self, answering: Answering, user_id: str, answer: Callable[[], T]) -> T | Answer:
        try:
            return answer()
        except Exception as error:  # bytes of a newer version, or damaged ones: nothing that is wrong with the request
            self.unreadable(error)
            return answering.degraded(user_id)


async def _in_turns(rows: Iterable[T], stretch: int) -> AsyncIterator[T]:
    """The rows, with a turn for other requests after every `stretch` of them."""
    for index, row in enumerate(rows, start=1):
        yield row
        if index % stretch == 0:
            await asyncio.sleep(0)


def _in_rows(values: Sequence[T], width: int) -> Iterator[Sequence[T]]:
    return (values[begin : begin + width] for begin in range(0, len(values), width))
