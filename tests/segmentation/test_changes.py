"""What is told against brute force: whole streams, however they are cut, with late events, repeats, rewinds and edits.

TRANCHE_TEST_LONG=1 runs many more examples.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from random import Random

from hypothesis import given, note, settings
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.changes import Change, Place, Teller, Terms, Told, Who
from services.segmentation.engine import UserState, step
from services.segmentation.events import Fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire.changes import decode_told, encode_told
from tests.oracle.changes import BruteForceTeller, Expected, Line, Rules
from tests.oracle.pools import DURATIONS_MS, USER
from tests.oracle.worlds import World, worlds
from tests.segmentation import visits
from tests.segmentation.test_oracle_worlds import catalog_of, stored

LONG = bool(os.environ.get("TRANCHE_TEST_LONG"))
MANY = settings(max_examples=10_000 if LONG else 120)
SOME = settings(max_examples=3_000 if LONG else 40)
WHO = Who(3, "default", USER)
AHEAD_MS = 300_000
Purposes = Mapping[str, frozenset[int]]


@dataclass
class Follower:
    """One user, as a worker keeps it: in bytes between any two things that happen."""

    terms: Terms
    zone: tzinfo = UTC
    state: UserState = field(default_factory=UserState)
    told: Told | None = None
    changes: list[Change] = field(default_factory=list)

    def records(self, lines: Sequence[Line]) -> None:
        """As one batch."""
        teller = self._teller()
        for line in lines:
            after = step(teller.state, [line.fact], self.terms.catalog, KEEP_ALL, self.zone)
            if after is not teller.state:
                teller.record(after, line.fact.ts_ms, Place(line.offset, line.appended_ms))
        self._keep(teller)

    def time(self, until_ms: int) -> None:
        teller = self._teller()
        if teller.told and self.state.membership:
            teller.time(until_ms)
            self._keep(teller)

    def catch_up(self, until_ms: int) -> None:
        teller = self._teller()
        if teller.state.profile:
            teller.catch_up(until_ms)
            self._keep(teller)

    def _teller(self) -> Teller:
        return Teller(self.terms, WHO, self.zone, 0, self.state, self.told)

    def _keep(self, teller: Teller) -> None:
        self.state = stored(teller.state)
        self.told = teller.told and decode_told(encode_told(teller.told))
        assert self.told == teller.told
        self.changes += teller.changes


@MANY
@given(
    rules=visits.catalogs,
    lines=visits.logs(),
    purposes=visits.purposes_by_segment,
    consent_required=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_the_stream_is_a_function_of_the_log(
    rules: Rules, lines: list[Line], purposes: Purposes, consent_required: bool, seed: int
) -> None:
    end_ms = visits.end_of(lines)
    follower = Follower(Terms(with_purposes(Catalog(), rules, purposes), consent_required))
    follow(follower, lines, end_ms, Random(seed))
    note(f"{[(name, str(rule)) for name, rule in rules.items()]} {lines}")
    teller = BruteForceTeller(rules, purposes=purposes, consent_required=consent_required)
    assert as_expected(first_told(follower.changes)) == told_by(teller, lines, end_ms)


@SOME
@given(world=worlds(), data=st.data(), seed=st.integers(0, 2**32))
def test_it_is_so_for_all_that_rules_can_say(world: World, data: st.DataObject, seed: int) -> None:
    lines = data.draw(logs(world.facts))
    end_ms = max([0, *(max(line.appended_ms, line.fact.ts_ms) for line in lines)]) + DURATIONS_MS[-1]
    follower = Follower(Terms(catalog_of(Catalog(), world.segments)), world.zone)
    follow(follower, lines, end_ms, Random(seed))
    expected = told_by(BruteForceTeller(world.segments, world.zone), lines, end_ms)
    assert as_expected(first_told(follower.changes)) == expected


@SOME
@given(
    rules=visits.catalogs,
    edits=st.lists(st.tuples(visits.catalogs, visits.purposes_by_segment), max_size=3),
    lines=visits.logs(),
    seed=st.integers(0, 2**32),
)
def test_edits_are_told_before_whatever_comes_next(
    rules: Rules, edits: list[tuple[Rules, Purposes]], lines: list[Line], seed: int
) -> None:
    random, end_ms = Random(seed), visits.end_of(lines)
    follower, teller = Follower(Terms(with_purposes(Catalog(), rules, {}))), BruteForceTeller(rules)
    for at, line in enumerate(lines):
        if edits and teller.edited is None and random.random() < 0.4:
            edit(follower, teller, *edits.pop())
        if random.random() < 0.5:
            until_ms = random.choice(settled(lines[at:], end_ms))
            follower.time(until_ms)
            teller.time(until_ms)  # for an edit may come before the next record that counts
        if teller.edited is not None and random.random() < 0.5:
            until_ms = random.choice(settled(lines[at:], end_ms))
            follower.catch_up(until_ms)
            teller.catch_up(until_ms)
        follower.records([line])
        teller.record(line)
    follower.catch_up(end_ms)
    teller.catch_up(end_ms)
    note(f"{follower.terms.catalog.segments} {lines}")
    assert as_expected(first_told(follower.changes)) == teller.told


def edit(follower: Follower, teller: BruteForceTeller, rules: Rules, purposes: Purposes) -> None:
    """Put the segments of `rules`, and delete the others."""
    catalog = with_purposes(follower.terms.catalog, rules, purposes)
    for name in catalog.segments.keys() - rules.keys():
        catalog = catalog.delete(name)
    follower.terms = Terms(catalog)
    teller.edit(rules, purposes)


def told_by(teller: BruteForceTeller, lines: Iterable[Line], end_ms: int) -> list[Expected]:
    for line in lines:
        teller.record(line)
    teller.time(end_ms)
    return teller.told


def with_purposes(before: Catalog, rules: Rules, purposes: Purposes) -> Catalog:
    definitions = {
        name: SegmentDefinition(name=name, rule=str(rule), purposes=sorted(purposes.get(name, ())))
        for name, rule in rules.items()
    }
    return before.put_all(definitions, KEEP_ALL)


def follow(follower: Follower, lines: Sequence[Line], end_ms: int, random: Random) -> None:
    """In batches, with looks at the time between them, and now and then back to an earlier state."""
    at, saved = 0, (follower.state, follower.told, 0)
    while at < len(lines):
        size = random.randint(1, 4)
        follower.records(lines[at : at + size])
        at = min(at + size, len(lines))
        if random.random() < 0.5:
            follower.time(random.choice(settled(lines[at:], end_ms)))
        if random.random() < 0.2:
            saved = follower.state, follower.told, at
        if random.random() < 0.1:
            follower.state, follower.told, at = saved
    follower.time(end_ms)


def settled(ahead: Sequence[Line], end_ms: int) -> list[int]:
    """Moments before which nothing was appended that is still to come."""
    latest_ms = min([end_ms, *(line.appended_ms for line in ahead)])
    return [latest_ms, latest_ms - 1, latest_ms - 3_600_000, latest_ms - 86_400_000]


def first_told(changes: Iterable[Change]) -> list[Change]:
    """Each change once; what bears the same id is the same."""
    found: dict[str, Change] = {}
    for change in changes:
        assert found.setdefault(change.id, change) == change
    return list(found.values())


def as_expected(changes: Iterable[Change]) -> list[Expected]:
    found: dict[str, Expected] = {}
    for each in changes:
        corrects = None if each.corrects is None else found[each.corrects]
        found[each.id] = Expected(each.segment, each.change, each.at_ms, each.cause, each.offset, corrects)
    return list(found.values())


@st.composite
def logs(draw: st.DrawFn, facts: Sequence[Fact]) -> list[Line]:
    """What the log holds of a user; its clock goes back only now and then."""
    edges = sorted({fact.ts_ms + age_ms for fact in facts for age_ms in (0, -AHEAD_MS, *DURATIONS_MS)} or {0})
    moments = draw(st.lists(st.sampled_from(edges), min_size=len(facts), max_size=len(facts)))
    ordered = sorted(moments) if draw(st.sampled_from([True, True, True, False])) else moments
    return [Line(offset, at_ms, fact) for offset, (at_ms, fact) in enumerate(zip(ordered, facts, strict=True), 7)]
