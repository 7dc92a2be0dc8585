"""How a lookup goes: read what is stored, in time or not at all, and have it answered. Nothing here ever fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from services.runtime.clock import Clock
from services.segment_api.answer import Answer, Answering, Question
from services.segment_api.reads import BoundedReads
from services.segmentation.catalog import Catalog
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys

T = TypeVar("T")

STRETCH = 50
"""Users of a batch answered before other requests get their turn: a millisecond or two."""


@dataclass(frozen=True)
class Lookup:
    """`unreadable` is told of stored bytes that cannot be read; the answer for such a user is degraded."""

    reads: BoundedReads
    catalog: Callable[[], Catalog]
    partitions: int
    consent_required: bool
    now_ms: Clock
    unreadable: Callable[[Exception], None]

    async def many(self, user_ids: Sequence[str], question: Question, deadline_s: float) -> list[Answer]:
        """An answer for each user, in order; degraded where the state has not come `deadline_s` seconds from now."""
        by_s = time.monotonic() + deadline_s
        answering = Answering(question, self.catalog(), self.now_ms(), self.consent_required)
        stored = await self._read(keys.membership, user_ids, question.space, by_s)
        if stored is None:
            return [answering.degraded(user_id) for user_id in user_ids]
        answers = {
            user_id: self._guarded(answering, user_id, partial(answering.from_membership, user_id, data))
            async for user_id, data in _in_turns(stored.items(), STRETCH)
        }
        beyond = {user_id: data for user_id, data in stored.items() if data is not None and answers[user_id] is None}
        answers |= await self._evaluate(answering, beyond, by_s) if beyond else {}
        return [answer for user_id in user_ids if (answer := answers[user_id]) is not None]

    async def _evaluate(self, answering: Answering, stored: Mapping[str, bytes], by_s: float) -> dict[str, Answer]:
        """Answers from the profiles, for a moment that the stored memberships do not reach; a rare and slow path."""
        profiles = await self._read(keys.profile, list(stored), answering.question.space, by_s) or {}
        answers = {user_id: answering.degraded(user_id) for user_id in stored}
        async for user_id, profile in _in_turns(profiles.items(), 1):
            if profile is not None and time.monotonic() < by_s:
                evaluate = partial(answering.from_profile, user_id, stored[user_id], profile)
                answers[user_id] = self._guarded(answering, user_id, evaluate)
        return answers

    async def _read(
        self, name: Callable[[int, str], str], user_ids: Sequence[str], space: str, by_s: float
    ) -> dict[str, bytes | None] | None:
        names = [name(partition_of(each, self.partitions), keys.member(space, each)) for each in user_ids]
        values = await self.reads.get(names, by_s)
        return None if values is None else dict(zip(user_ids, values, strict=True))

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
