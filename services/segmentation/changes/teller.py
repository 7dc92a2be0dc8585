"""What is told of a user: who entered or left which segment, when and why. Everything that decides it lives here.

The law: what is told is a function of the log and the catalog, however the records are cut into batches and whenever
the passing of time is looked at. A record is judged at the later of its append time and the latest event, and never
before what was told already. What time did until then by itself is told first, at the moment when it happened.

Who is told to be in a segment is remembered (`Told`), so nothing is ever told that was not so: a change is the
difference between what was told and what is. Drafts, segments that ask the ad request and those that the user's
consent forbids have no members here.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property, partial
from typing import NamedTuple

from services.segmentation.catalog import Catalog, Segment
from services.segmentation.changes.change import (
    BY_CORRECTION,
    Cause,
    Change,
    Kind,
    Place,
    Who,
    by_consent,
    by_edit,
    by_record,
    by_start,
    by_time,
    change_id,
)
from services.segmentation.changes.told import Told
from services.segmentation.engine import UserState, refresh
from services.segmentation.membership import Membership, Span, judge


class _Why(NamedTuple):
    cause: Cause
    key: str
    offset: int | None = None


@dataclass(frozen=True)
class Terms:
    """What all users are told by: the catalog, and whether who gave no consent record is served nothing."""

    catalog: Catalog
    consent_required: bool = False

    @cached_property
    def segments(self) -> Mapping[int, Segment]:
        """Those that are told of, by ordinal."""
        ready = self.catalog.ready.values()
        told = (each.segment for each in ready if not each.asks and each.segment.definition.status == "live")
        return {segment.ordinal: segment for segment in told}

    def outdated_since(self, version: int) -> Collection[int]:
        """The ordinals of which a membership of that version tells nothing any more."""
        if version == self.catalog.version:
            return ()
        old = self.catalog.outdated_since(version if version < self.catalog.version else 0)
        return {self.catalog.segments[segment_id].ordinal for segment_id in old}

    def permits(self, ordinal: int, membership: Membership) -> bool:
        segment = self.segments.get(ordinal)
        has_say = membership.purposes is not None or not self.consent_required
        return segment is not None and has_say and membership.allows(segment)


class Teller:
    """Tells the changes of one user, one thing after the other: `state`, `told` and `changes` are the outcome."""

    def __init__(self, terms: Terms, who: Who, zone: tzinfo, begun: int, state: UserState, told: Told | None) -> None:
        """`begun` is a number that telling got when it began; `told` was told of `state`."""
        self._terms, self._who, self._zone, self._begun = terms, who, zone, begun
        self.state, self.told = state, told
        self.changes: list[Change] = []

    def record(self, after: UserState, ts_ms: int, place: Place) -> None:
        """A record made `after` of the state; `ts_ms` is when it says that it happened."""
        self._retell(partial(self._record, after, ts_ms, place))
        self.state = after

    def catch_up(self, until_ms: int) -> None:
        """Tell everything up to a moment: what time has done, what an edit has, or all there is in the beginning."""
        self._retell(partial(self._catch_up, until_ms))

    def time(self, until_ms: int) -> None:
        """Tell what time has done up to a moment, each change when it happened."""
        self._retell(partial(self._time, until_ms))

    def settle(self, until_ms: int) -> None:
        """All records are applied again: where consumers are still ahead, tell them where they are wrong."""
        if self.told is None or self.told.ahead is None:
            return
        profile, told = self.state.profile, self.told.settled()
        latest_ms = 0 if profile is None else profile.latest_ms
        self.told = told._replace(at_ms=max(until_ms, latest_ms, told.at_ms))
        self._refresh()
        if self._turned:
            self.told = self.told._replace(consents=self.told.consents + 1)
        self._tell_level(_Why("correction", BY_CORRECTION))

    def _refresh(self) -> None:
        """Bring the user up to the catalog."""
        profile, membership = self.state.profile, self.state.membership
        version = self._terms.catalog.version
        if profile is not None and (membership is None or membership.catalog_version != version):
            self.state = refresh(self.state, self._terms.catalog, self._zone)

    def _retell(self, tell: Callable[[], None]) -> None:
        """Tell what consumers do not know already."""
        before, count = self.told, len(self.changes)
        if before is None or before.ahead is None:
            tell()
        elif not before.is_silent:
            tell()
            self.told, known = before.retold(self._told, [change.id for change in self.changes[count:]])
            del self.changes[count : count + known]

    def _record(self, after: UserState, ts_ms: int, place: Place) -> None:
        before = self.state.profile
        assert after.profile is not None
        self._catch_up(max(place.appended_ms, after.profile.latest_ms))
        cause: Cause = "event" if before is None or ts_ms >= before.latest_ms else "late_event"
        self.state = after
        self._tell_level(_Why(cause, by_record(self._who.partition, place.offset), place.offset))

    def _catch_up(self, until_ms: int) -> None:
        profile, before = self.state.profile, self.state.membership
        until_ms = until_ms if profile is None else max(until_ms, profile.latest_ms)
        if self.told is not None:
            self._time(until_ms)
        self._refresh()
        if self.told is None:
            self.told = Told(until_ms, consents=int(self._terms.consent_required))
            self._tell_level(_Why("start", by_start(self._who.partition, self._begun)))
            return
        self.told = self.told._replace(at_ms=max(until_ms, self.told.at_ms))
        self._tell_edit(before)

    def _time(self, until_ms: int) -> None:
        spans, told = self._spans(), self._told
        crossed: dict[int, set[str]] = defaultdict(set)
        for span in spans:
            for moment in (span.since_ms, span.until_ms):
                if moment is not None and told.at_ms < moment <= until_ms:
                    crossed[moment].add(self._id_of(span))
        for at_ms, segments in sorted(crossed.items()):
            self.told = self._told._replace(at_ms=at_ms)
            self._tell(spans, segments, _Why("time", by_time(at_ms)))
        self.told = self._told._replace(due_ms=_next_ms(spans, self._told.at_ms))

    @property
    def _told(self) -> Told:
        assert self.told is not None
        return self.told

    @property
    def _turned(self) -> bool:
        """Whether consent is required now and was not when something was told last, or the other way round."""
        return self.told is not None and self.told.consent_required != self._terms.consent_required

    def _tell_edit(self, before: Membership | None) -> None:
        """Tell what has changed since the membership before, or since consent was or was not required."""
        if turned := self._turned:
            self.told = self._told._replace(consents=self._told.consents + 1)
        if before is not self.state.membership:
            old = 0 if before is None else before.catalog_version
            self._tell_level(_Why("edit", by_edit(old, self._terms.catalog.version)))
        elif turned:
            self._tell_level(_Why("edit", by_consent(self._begun, self._told.consents)))

    def _tell_level(self, why: _Why) -> None:
        """Tell wherever what was told differs from what is."""
        spans = self._spans()
        self.told = self._told._replace(due_ms=_next_ms(spans, self._told.at_ms))
        self._tell(spans, self._told.inside | {self._id_of(span) for span in spans}, why)
        self.told = self._told._replace(by_time={} if why.cause in {"edit", "correction"} else self._open_times())

    def _tell(self, spans: Iterable[Span], segments: Collection[str], why: _Why) -> None:
        """Tell where some segments differ from what was told of them."""
        told = self._told
        now = {self._id_of(span): span for span in spans if span.covers(told.at_ms)}
        differing = {segment for segment in segments if (segment in now) != (segment in told.inside)}
        self.changes += [self._change(segment, now.get(segment), why) for segment in sorted(differing)]
        times = {segment: moment for segment, moment in told.by_time.items() if segment not in differing}
        if why.cause == "time":
            times |= dict.fromkeys(differing, told.at_ms)
        self.told = told._replace(inside=told.inside ^ differing, by_time=times)

    def _change(self, segment: str, span: Span | None, why: _Why) -> Change:
        change = _kind(span is not None)
        return Change(
            id=self._id(segment, change, why.key),
            user_id=self._who.user_id,
            space=self._who.space,
            segment=segment,
            change=change,
            at_ms=self._told.at_ms,
            cause=why.cause,
            corrects=self._corrected(segment) if why.cause == "late_event" else None,
            until_ms=None if span is None else span.until_ms,
            partition=self._who.partition,
            offset=why.offset,
            catalog=self._terms.catalog.version,
        )

    def _id(self, segment: str, change: Kind, key: str) -> str:
        salt = self._told.salt
        return change_id(self._who, segment, change, f"{key} {salt}" if salt else key)

    def _corrected(self, segment: str) -> str | None:
        """The change that was told last of a segment, where time should have caused it and has not."""
        moment, was_inside = self._told.by_time.get(segment), segment in self._told.inside
        if moment is None or was_inside == any(
            self._id_of(span) == segment and span.covers(moment) for span in self._spans()
        ):
            return None
        return self._id(segment, _kind(was_inside), by_time(moment))

    def _open_times(self) -> Mapping[str, int]:
        """Those that a late event may still prove wrong."""
        latest_ms = self.state.profile.latest_ms if self.state.profile else 0
        return {segment: moment for segment, moment in self._told.by_time.items() if moment > latest_ms}

    def _id_of(self, span: Span) -> str:
        return self._terms.segments[span.ordinal].id

    def _spans(self) -> list[Span]:
        """Those of the membership that are told of, all of them, also where only some are stored.

        What is edited since has none: what time did to it meanwhile is part of what the edit does.
        """
        profile, membership, catalog = self.state.profile, self.state.membership, self._terms.catalog
        if profile is None or membership is None or (self._turned and membership.purposes is None):
            return []
        old = self._terms.outdated_since(membership.catalog_version)
        if membership.exact_until_ms is not None:
            membership = judge(profile, catalog, self._zone, membership, max_spans=None)
        return [s for s in membership.spans if s.ordinal not in old and self._terms.permits(s.ordinal, membership)]


def _kind(inside: bool) -> Kind:
    return "entered" if inside else "left"


def _next_ms(spans: Iterable[Span], after_ms: int) -> int | None:
    moments = (moment for span in spans for moment in (span.since_ms, span.until_ms))
    return min((moment for moment in moments if moment is not None and moment > after_ms), default=None)
