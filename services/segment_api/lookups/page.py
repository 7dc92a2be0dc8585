"""A catalog as its segments look in an answer: bytes, ready to be joined to the body of one.

What is written here is what `answer.py` tells, to the byte; where that is not certain at a glance, nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

import msgpack

from services.segment_api.lookups.answer import Question, asked_spans, facts_of
from services.segment_api.lookups.remembered import Remembered
from services.segmentation.catalog import Catalog
from services.segmentation.intervals import START
from services.segmentation.membership import Membership, Residuals
from services.segmentation.rules import nodes
from services.segmentation.rules.request import HOUR, WEEKDAY
from services.segmentation.rules.request import Question as Condition
from services.segmentation.wire.membership import VERSION, boundaries, decode_residuals

MOST_CONSENTS = 1_024
"""Sets of purposes for which it is remembered what they allow."""
MOST_REMEMBERED_BYTES = 16 * 1024 * 1024
"""Of memberships and their answers, twice at most. Long ones are the dearest to write, and those of the busiest users:
they have their place among the others."""
FOR_EVER = 2**62
CLOCKS_MS = 30_000
"""In every time zone, hours have begun at a multiple of this since 1970."""

_KNOWN = b'{"user_id":"%b","known":true,"at":%d,"segments":[%b],"degraded":false}'
_UNKNOWN = b'{"user_id":"%b","known":false,"at":%d,"segments":[%b],"degraded":false}'

Row = tuple[bytes, bytes, bytes]
"""A segment with an end, without one, and by its id alone. In the order of these bytes ids are in their own order."""
Rows = Mapping[int, Row]


class Stretch(NamedTuple):
    """What is answered at every moment of [since_ms, until_ms)."""

    since_ms: int
    until_ms: int
    latest_ms: int
    """Of the user's events."""
    zone: tzinfo | None
    """The space's, where its clocks were asked."""
    segments: bytes


class Page:
    def __init__(self, catalog: Catalog, *, consent_required: bool) -> None:
        self.catalog, self._consent_required = catalog, consent_required
        self._live = [segment for segment in catalog.by_ordinal.values() if segment.definition.status == "live"]
        self._rows = {segment.ordinal: _row(segment.id.encode()) for segment in self._live}
        self._allowed: dict[tuple[int, ...] | None, Rows] = {}
        self._is_current: dict[int, bool] = {}
        self._clocked: set[int] | None = None
        self._segments: Remembered[Stretch] = Remembered(MOST_REMEMBERED_BYTES, _weight)
        self._ids: Remembered[Stretch] = Remembered(MOST_REMEMBERED_BYTES, _weight)

    @property
    def remembered_bytes(self) -> int:
        return self._segments.taken_bytes + self._ids.taken_bytes

    def known(self, user_id: bytes, stored: bytes, question: Question, zone: tzinfo, now_ms: int) -> bytes | None:
        """The answer for a user with such a membership; None where it takes more than what is stored, or an error.

        Raises whatever stored bytes that cannot be read raise.
        """
        remembered = self._ids if question.ids_only else self._segments
        stretch = None if question.request else remembered.get(stored)
        moment_ms = question.at_ms
        if stretch is not None:
            if moment_ms is None:
                moment_ms = max(now_ms, stretch.latest_ms)
            if stretch.since_ms <= moment_ms < stretch.until_ms and stretch.zone in (None, zone):
                return _KNOWN % (user_id, moment_ms, stretch.segments)
        codec, version, base_ms, exact_until, purposes, flat, *asking = msgpack.unpackb(stored)
        if moment_ms is None:
            moment_ms = max(now_ms, base_ms)
        after = moment_ms - base_ms
        is_told = codec == VERSION and after >= 0 and (exact_until is None or after < exact_until)
        if not is_told or not self._told_by(version, asking):
            return None
        rows = self._allowed_by(purposes)
        parts = _parts(rows, flat, base_ms, after, ids_only=question.ids_only)
        if asking and rows:
            residuals = decode_residuals(asking[0], base_ms)
            parts += self._asked(rows, residuals, base_ms, question, moment_ms, asking[1], zone)
        parts.sort()
        segments = b",".join(parts)
        if not question.request and remembered.is_worth_it(stored):
            remembered.put(stored, self._stretch(base_ms, moment_ms, flat, asking, exact_until, zone, segments))
        return _KNOWN % (user_id, moment_ms, segments)

    def unknown(
        self, user_id: bytes, stranger: Membership, question: Question, zone: tzinfo, now_ms: int
    ) -> bytes | None:
        """The answer for a user of whom nothing is stored; None where it takes more than a look."""
        if stranger.spans:
            return None
        moment_ms = now_ms if question.at_ms is None else question.at_ms
        rows, residuals = self._allowed_by(None), stranger.residuals
        parts: list[bytes] = []
        if residuals and rows:
            parts += self._asked(rows, residuals, stranger.latest_ms, question, moment_ms, None, zone)
            parts.sort()
        return _UNKNOWN % (user_id, moment_ms, b",".join(parts))

    def _asked(
        self,
        rows: Rows,
        residuals: Residuals,
        latest_ms: int,
        question: Question,
        at_ms: int,
        own_zone: str | None,
        zone: tzinfo,
    ) -> Iterator[bytes]:
        facts = facts_of(question, at_ms, own_zone, zone)
        for ordinal, since_ms, until_ms in asked_spans(self.catalog, residuals, latest_ms, facts):
            if ordinal in rows:
                yield _part(
                    rows[ordinal], at_ms if since_ms == START else since_ms, until_ms, ids_only=question.ids_only
                )

    def _told_by(self, version: int, asking: Sequence[Any]) -> bool:
        """Whether nothing was edited since a version. One beyond this catalog is right for others already, but for
        what it asks: that is numbered by a rule that may not be known here."""
        known = self._is_current.get(version)
        if known is None:
            known = self._is_current[version] = not self.catalog.edited_since(version)
        return known and not (asking and version > self.catalog.version)

    def _stretch(
        self,
        base_ms: int,
        moment_ms: int,
        flat: Sequence[Any],
        asking: Sequence[Any],
        exact_until: int | None,
        zone: tzinfo,
        segments: bytes,
    ) -> Stretch:
        since, until = _around(moment_ms - base_ms, flat, asking, exact_until)
        if not asking or not self._asks_the_clock(asking[0]):
            return Stretch(base_ms + since, base_ms + until, base_ms, None, segments)
        begin_ms = moment_ms - moment_ms % CLOCKS_MS
        since_ms, until_ms = max(base_ms + since, begin_ms), min(base_ms + until, begin_ms + CLOCKS_MS)
        return Stretch(since_ms, until_ms, base_ms, zone, segments)

    def _asks_the_clock(self, residuals: Sequence[Any]) -> bool:
        """Whether one of the segments asks for more than what the request may tell."""
        if self._clocked is None:
            ready = self.catalog.ready.values()
            self._clocked = {each.segment.ordinal for each in ready if any(map(_asks_the_clock, each.questions))}
        return any(ordinal in self._clocked for ordinal, _ in residuals)

    def _allowed_by(self, purposes: Sequence[int] | None) -> Rows:
        """The segments that consent permits to serve, by ordinal."""
        consent = None if purposes is None else tuple(purposes)
        if consent not in self._allowed:
            if len(self._allowed) >= MOST_CONSENTS:
                self._allowed.clear()
            self._allowed[consent] = self._judged(consent)
        return self._allowed[consent]

    def _judged(self, consent: tuple[int, ...] | None) -> Rows:
        if consent is None:
            return {} if self._consent_required else self._rows
        granted = frozenset(consent)
        return {
            each.ordinal: self._rows[each.ordinal]
            for each in self._live
            if granted.issuperset(each.definition.purposes)
        }


def _weight(stretch: Stretch) -> int:
    return len(stretch.segments)


def _asks_the_clock(condition: Condition) -> bool:
    term = nodes.term_of(condition)
    return isinstance(term, nodes.Request) and term.path in (HOUR, WEEKDAY)


def _row(segment_id: bytes) -> Row:
    begin = b'{"id":"%b","since":%%d,"until":' % segment_id
    return begin + b"%d}", begin + b"null}", b'"%b"' % segment_id


def _parts(rows: Rows, flat: Iterable[Any], base_ms: int, after: int, *, ids_only: bool) -> list[bytes]:
    """Of what is stored as ordinals with a beginning and an end, relative to `base_ms`; at the moment `after` it."""
    parts, numbers = [], iter(flat)
    for ordinal, since, until in zip(numbers, numbers, numbers, strict=True):
        if since <= after and (until is None or after < until) and ordinal in rows:
            ended, endless, alone = rows[ordinal]
            if ids_only:
                parts.append(alone)
            elif until is None:
                parts.append(endless % (base_ms + since))
            else:
                parts.append(ended % (base_ms + since, base_ms + until))
    return parts


def _around(after: int, flat: Sequence[Any], asking: Sequence[Any], exact_until: int | None) -> tuple[int, int]:
    """The boundaries between which a moment lies; the first is the latest event where there is no other."""
    since, until = 0, FOR_EVER if exact_until is None else exact_until
    asked = [moment for _, residual in asking[0] for moment in boundaries(residual)] if asking else ()
    for each in (*flat[1::3], *flat[2::3], *asked):
        if each is not None:
            if each > after:
                until = min(until, each)
            elif each > since:
                since = each
    return since, until


def _part(row: Row, since_ms: int, until_ms: int | None, *, ids_only: bool) -> bytes:
    ended, endless, alone = row
    if ids_only:
        return alone
    return endless % since_ms if until_ms is None else ended % (since_ms, until_ms)
