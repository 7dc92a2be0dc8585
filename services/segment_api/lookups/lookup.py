"""How a lookup goes: read what is stored, in time or not at all, and have it answered. Nothing here ever fails."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

from services.segment_api.lookups.answer import Answer, Answering, Question
from services.segment_api.lookups.written import Writer, Written, written
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Lane
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys

T = TypeVar("T")
Sort = Callable[[int, str], str]
Values = Sequence[bytes | None]


@dataclass(frozen=True)
class Lookup:
    """Deadlines are moments of time.monotonic().

    `evaluated` is told of each user whose profile had to be evaluated. `lane` is for lookups of many users.
    """

    reads: BoundedReads
    writer: Writer
    partitions: int
    evaluated: Callable[[], None]
    lane: Lane

    async def one(self, user_id: str, question: Question, by_s: float) -> Answer:
        """The answer for a user; degraded where the state has not come by the deadline."""
        answering = self.writer.answering(question)
        found = await self.reads.get([self.names(user_id, question, keys.membership)], by_s)
        if found is None:
            return answering.degraded(user_id)
        answer = self._told(answering, user_id, *found[0])
        if answer is not None:
            return answer
        found = await self.reads.get([self.names(user_id, question, keys.membership, keys.profile)], by_s)
        return answering.degraded(user_id) if found is None else self._evaluated(answering, user_id, found[0])

    def evaluate(self, user_id: str, question: Question, stored: Values) -> Written:
        """The answer from a membership and the profile that belongs to it."""
        return written(self._evaluated(self.writer.answering(question), user_id, stored))

    def name(self, user_id: str, question: Question) -> bytes:
        """Of the key that holds the membership."""
        return (
            f"{self._prefixes[partition_of(user_id, self.partitions)]}{keys.member(question.space, user_id)}".encode()
        )

    async def many(
        self, user_ids: Sequence[str], question: Question, by_s: float, keep: Callable[[Written], T]
    ) -> list[T]:
        """An answer for each user, in order, as `keep` makes it at once: held as objects, all of them could be
        gigabytes. Degraded where the state has not come by the deadline. What `keep` raises ends it."""
        answering = self.writer.answering(question)
        stored = await self._read(user_ids, question, by_s, keys.membership)
        kept: dict[str, T] = {}
        untold: list[str] = []

        def tell(user_id: str) -> None:
            in_time = user_id in stored
            told = self.writer.write(user_id, stored[user_id][0], answering) if in_time else None
            if told is not None:
                kept[user_id] = keep(told)
            elif in_time:
                untold.append(user_id)
            else:
                kept[user_id] = keep(written(answering.degraded(user_id)))

        await self.lane.each(tell, dict.fromkeys(user_ids))
        if untold:
            kept |= await self._evaluate(answering, untold, by_s, keep)
        return [kept[user_id] for user_id in user_ids]

    async def _evaluate(
        self, answering: Answering, user_ids: Sequence[str], by_s: float, keep: Callable[[Written], T]
    ) -> dict[str, T]:
        """Answers from the profiles, where the stored memberships do not tell; a rare and slow path.

        Each membership is read again, at one moment with its profile, so that they belong together.
        """
        stored = await self._read(user_ids, answering.question, by_s, keys.membership, keys.profile)
        kept: dict[str, T] = {}

        def evaluate(user_id: str) -> None:
            in_time = user_id in stored and time.monotonic() < by_s
            answer = self._evaluated(answering, user_id, stored[user_id]) if in_time else answering.degraded(user_id)
            kept[user_id] = keep(written(answer))

        await self.lane.each(evaluate, user_ids)
        return kept

    async def _read(
        self, user_ids: Sequence[str], question: Question, by_s: float, *sorts: Sort
    ) -> Mapping[str, Values]:
        """The values of some sorts that are stored of each user, but of those whose server has not told in time."""
        names = {user_id: self.names(user_id, question, *sorts) for user_id in user_ids}
        groups: dict[str, list[str]] = defaultdict(list)
        for user_id, (name, *_) in names.items():
            groups[self.reads.server_of(name)].append(user_id)
        reads = (self.reads.get([names[user_id] for user_id in group], by_s) for group in groups.values())
        found = zip(groups.values(), await asyncio.gather(*reads), strict=True)
        return {
            user_id: row for group, rows in found if rows is not None for user_id, row in zip(group, rows, strict=True)
        }

    @cached_property
    def _prefixes(self) -> Sequence[str]:
        return [keys.membership(partition, "") for partition in range(self.partitions)]

    def names(self, user_id: str, question: Question, *sorts: Sort) -> list[str]:
        partition, member = partition_of(user_id, self.partitions), keys.member(question.space, user_id)
        return [sort(partition, member) for sort in sorts]

    def _told(self, answering: Answering, user_id: str, membership: bytes | None) -> Answer | None:
        return self._guarded(answering, user_id, partial(answering.from_membership, user_id, membership))

    def _evaluated(self, answering: Answering, user_id: str, stored: Values) -> Answer:
        membership, profile = stored
        if membership is None or profile is None:
            return answering.degraded(user_id)
        answer = self._guarded(answering, user_id, partial(answering.from_profile, user_id, membership, profile))
        self.evaluated()
        return answer

    def _guarded(self, answering: Answering, user_id: str, answer: Callable[[], T]) -> T | Answer:
        try:
            return answer()
        except Exception as error:  # bytes of a newer version, or damaged ones: nothing that is wrong with the request
            self.writer.unreadable(error)
            return answering.degraded(user_id)
