"""Which changes a write tells: of the records of a batch, and of users whom the background pass comes by.

The law: what time does is told only up to a moment before which everything that was appended is applied. `grace_ms`
is how far the clock of the log may be behind that of this process.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogWriter
from services.runtime.event_log.tail import LogTail
from services.segmentation.catalog import Catalog
from services.segmentation.changes import Teller, Terms, Told, Who
from services.segmentation.engine import UserState, step
from services.segmentation.keep import KeepList
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.batch import Batch
from services.stream_worker.store import UserStore
from services.stream_worker.write import Write


class Tells(NamedTuple):
    """How a worker tells changes."""

    writer: LogWriter
    tail: LogTail
    """Both of the changes log."""
    consent_required: bool = False
    grace_ms: int = 1_000


class Telling:
    def __init__(
        self,
        store: UserStore,
        keep: KeepList,
        zones: TimeZones,
        tells: Tells,
        caught_up_ms: Callable[[int], int | None],
        waits: Callable[[int], bool],
        now_ms: Clock,
    ) -> None:
        """`caught_up_ms` tells of a partition a moment before which nothing was appended that is not applied; `waits`
        whether nothing may be told of it yet."""
        self._store, self._keep, self._zones, self._tells = store, keep, zones, tells
        self._caught_up_ms, self._waits, self._now_ms = caught_up_ms, waits, now_ms
        self._terms = Terms(Catalog())

    async def fold(self, partition: int, batch: Batch, states: Sequence[UserState], catalog: Catalog) -> list[Write]:
        """Fold the records of each user one by one, and tell what each of them changes."""
        assert batch.places is not None
        told = await self._store.load_told(partition, list(batch.facts))
        writes = []
        for (member, facts), before, known in zip(batch.facts.items(), states, told, strict=True):
            teller = self.teller(partition, member, catalog, before, known)
            zone = self._zones.of(keys.space_of(member))
            for fact, place in zip(facts, batch.places[member], strict=True):
                after = step(teller.state, [fact], catalog, self._keep, zone)
                if after is not teller.state:
                    teller.record(after, fact.ts_ms, place)
            if teller.state is not before:
                writes.append(written(member, before, teller))
        return writes

    async def bring_up(
        self, partition: int, members: Sequence[str], states: Sequence[UserState], catalog: Catalog, until_ms: int
    ) -> list[Write]:
        """Bring users up to the catalog who are not, and tell it; and begin with those who were never told of.

        What time did is told up to `until_ms`, which was settled.
        """
        writes = []
        for member, state, known in zip(members, states, await self._store.load_told(partition, members), strict=True):
            if state.profile is not None and not (known and _is_current(state, catalog) and self.is_fair(known)):
                teller = self.teller(partition, member, catalog, state, known)
                teller.catch_up(until_ms)
                writes.append(written(member, state, teller))
        return writes

    def teller(self, partition: int, member: str, catalog: Catalog, state: UserState, told: Told | None) -> Teller:
        if self._terms.catalog is not catalog:
            self._terms = Terms(catalog, self._tells.consent_required)
        who = Who(partition, keys.space_of(member), keys.user_id_of(member))
        return Teller(self._terms, who, self._zones.of(who.space), self._store.book(partition).begun, state, told)

    def is_caught_up(self, partition: int) -> bool:
        """Whether everything is applied that was appended before consumers were found to be ahead."""
        ear = self._store.book(partition).ear
        if ear.ahead_ms is None:
            return True
        ear.ahead_ms = min(ear.ahead_ms, self._now_ms())  # the clock may be put back
        return (self._caught_up_ms(partition) or 0) > ear.ahead_ms

    def is_fair(self, told: Told) -> bool:
        """Whether it was told under the same rule of consent as holds now."""
        return told.consent_required == self._tells.consent_required

    def is_full(self, partition: int) -> bool:
        """Whether nothing more may be told until more was published."""
        return self._store.book(partition).is_full

    def may_tell(self, partition: int) -> bool:
        return not self.is_full(partition) and not self._waits(partition)

    def applied(self, partition: int, appended_ms: int) -> None:
        """The last record that was applied was appended then."""
        book = self._store.book(partition)
        book.seen_ms = max(book.seen_ms, appended_ms)

    def settled_ms(self, partition: int) -> int | None:
        """Up to when time may be told: no record that was appended before is still to come.

        None where that is unknown, and as long as nothing may be told.
        """
        if not self.may_tell(partition) or not self.is_caught_up(partition):
            return None
        seen_ms = max(self._store.book(partition).seen_ms, self._caught_up_ms(partition) or 0)
        return min(seen_ms, self._now_ms()) - self._tells.grace_ms if seen_ms else None


def written(member: str, before: UserState, teller: Teller) -> Write:
    return Write(member, before, teller.state, teller.told, teller.changes)


def _is_current(state: UserState, catalog: Catalog) -> bool:
    membership = state.membership
    return membership is not None and membership.catalog_version == catalog.version and membership.counted
