"""What was told of a user so far, and what consumers know beyond that.

The law: what stands in the changes log was told, whatever Redis remembers. Where Redis has gone back, consumers are
`ahead` of what is stored. What they know already is not told again as long as the same is found again, in the same
order. At the first difference they are believed: what they take for so becomes what was told, nothing more is told of
the user until all records are applied again, and then only where they are wrong.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

NO_TIMES: Mapping[str, int] = {}
MOST_AHEAD = 100
"""Changes of a user that are kept to be found again; with more, consumers are believed at once."""


class Heard(NamedTuple):
    """A change as it stands in the changes log."""

    id: str
    segment: str
    inside: bool
    """Whether the user entered."""
    at_ms: int


class Ahead(NamedTuple):
    """What consumers know and what is stored does not."""

    last: int
    """The offset in the changes log of the last of it."""
    changes: Sequence[Heard] = ()
    """In order; none where they are believed."""


class Told(NamedTuple):
    """What was told of a user so far. Who was never told anything has none."""

    at_ms: int
    """The moment up to which everything is told."""
    inside: frozenset[str] = frozenset()
    """The ids of the segments that the user was told to be in: where an edit is lost, an ordinal is given again."""
    by_time: Mapping[str, int] = NO_TIMES
    """By segment id, when the last change was told, where time caused it after the latest event: those may turn out
    wrong."""
    due_ms: int | None = None
    """When there is something to tell next, if nothing else happens."""
    consents: int = 0
    """Odd where it was told that who gave no consent record is inside nothing; one more each time that changes."""
    ahead: Ahead | None = None
    salt: int = 0
    """Part of the ids of what is told from here on, another one each time that consumers were believed."""

    @property
    def consent_required(self) -> bool:
        return self.consents % 2 == 1

    @property
    def next_ms(self) -> int | None:
        """When the user is to be looked at: as soon as can be where consumers are ahead."""
        return self.due_ms if self.ahead is None else 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing is told until all records are applied again."""
        return self.ahead is not None and not self.ahead.changes

    def heard(self, changes: Sequence[Heard], last: int) -> Self:
        """Consumers know these too, of which the last stands at that offset."""
        known = self.ahead.changes if self.ahead else ()
        told = self._replace(ahead=Ahead(last, (*known, *changes)))
        return told.believed() if self.is_silent or len(known) + len(changes) > MOST_AHEAD else told

    def retold(self, after: Self, ids: Sequence[str]) -> tuple[Self, int]:
        """What becomes of it when changes with these ids were told, which made `after` of it; and how many of them
        need not be told, as consumers know them or are believed."""
        assert self.ahead is not None
        known = self.ahead.changes
        both = min(len(known), len(ids))
        if [each.id for each in known[:both]] == list(ids[:both]):
            left = known[both:]
            return after._replace(ahead=Ahead(self.ahead.last, left) if left else None), both
        return self.believed()._replace(at_ms=max(after.at_ms, self.believed().at_ms)), len(ids)

    def believed(self) -> Self:
        """As consumers take it to be, in silence."""
        assert self.ahead is not None
        at_ms, inside = self.at_ms, set(self.inside)
        for each in self.ahead.changes:
            at_ms = max(at_ms, each.at_ms)
            (inside.add if each.inside else inside.discard)(each.segment)
        ahead = Ahead(self.ahead.last)
        return self._replace(at_ms=at_ms, inside=frozenset(inside), by_time=NO_TIMES, ahead=ahead)

    def settled(self) -> Self:
        """As consumers take it to be, so that what is told next is told to them."""
        told = self.believed()
        assert told.ahead is not None
        return told._replace(ahead=None, salt=told.ahead.last + 1)
