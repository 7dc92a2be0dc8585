"""Whom models sample, and what they are told: against a replay of the events one by one."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.event_log.opening import SAMPLE_PARTITIONS
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState
from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.models.samples import Outcome, Sample, pseudonym
from services.segmentation.partitions import partition_of
from services.segmentation.profile import REMEMBERED, RETAINED
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.sampling import Rules, Sampling
from tests.stream_worker.models import Heard, after, definition, heard, with_models
from tests.stream_worker.states import catalog_of

USER, MEMBER = "u-1", "default:u-1"
NUMBER = pseudonym("default", USER)
HOUR_MS = 3_600_000
SEED, AMONG = "s-0", "s-1"
SEGMENTS = catalog_of("count('view') >= 3", "count('buy') >= 1")
ALL = with_models(
    SEGMENTS,
    groups=definition(sample_every="6h"),
    alike=definition("lookalike", seed=SEED, sample_every="1h"),
    buyers=definition(among=AMONG),
    likely=definition("propensity", event="buy"),
)


@dataclass(frozen=True)
class Known:
    """What an onlooker has counted of a user: the events, by id, and until when."""

    events: tuple[Event, ...] = ()
    latest_ms: int | None = None

    def with_fact(self, fact: Fact) -> "Known":
        if isinstance(fact, Event) and any(each.event_id == fact.event_id for each in self.events):
            return self
        events = (*self.events, fact) if isinstance(fact, Event) else self.events
        return Known(events, max(self.latest_ms or 0, fact.ts_ms))

    def count(self, event_type: str) -> int:
        return sum(each.type == event_type for each in self.events)

    def stretch(self, every_ms: int) -> int:
        return -1 if self.latest_ms is None else (self.latest_ms + NUMBER % every_ms) // every_ms


def is_sampled(before: Known, now: Known, every_ms: int) -> bool:
    """At the first event of all, in each stretch, and whenever there are 1, 2, 4, 8, … of them."""
    number = len(now.events)
    is_power = number != len(before.events) and number in {2**exponent for exponent in range(20)}
    return number > 0 and (is_power or now.stretch(every_ms) > before.stretch(every_ms))


def wanted(batches: Sequence[Sequence[Fact]]) -> Iterator[tuple[str, Sample | Outcome]]:
    known = Known()
    for batch in batches:
        steps = [known]
        for fact in batch:
            steps.append(steps[-1].with_fact(fact))
        known, at_ms = steps[-1], steps[-1].latest_ms or 0
        new = [each for each in known.events if each not in steps[0].events]
        yield from (("likely", Outcome(NUMBER, each.ts_ms)) for each in new if each.type == "buy")
        vector = tuple(math.log1p(known.count(event_type)) for event_type in ("view", "buy"))
        labels = {"groups": None, "alike": known.count("view") >= 3, "likely": None}
        if known.count("buy"):
            labels["buyers"] = None
        for model, label in labels.items():
            every_ms = HOUR_MS if model == "alike" else 6 * HOUR_MS
            if any(is_sampled(one, other, every_ms) for one, other in pairwise(steps)):
                yield model, Sample(NUMBER, at_ms, vector, label)


def drawn(
    batches: Sequence[Sequence[Fact]], catalog: Catalog = ALL, rules: Rules | None = None, *, forgets: bool = False
) -> list[Heard]:
    """Of a user whose memo is at hand, or is not: `forgets`."""
    sampling, state, found = sampling_of(catalog, rules), UserState(), []
    for batch in batches:
        before, state = state, after(state, *batch, catalog=catalog)
        if state is not before:
            seen = replace(state, memo=None) if forgets else state
            found += [heard(each) for each in sampling.draw(MEMBER, before, seen, 0).messages]
    return found


def sampling_of(catalog: Catalog, rules: Rules | None = None) -> Sampling:
    return Sampling(catalog, rules or Rules(KEEP_ALL, TimeZones()))


def event(number: int, ts_ms: int, event_type: str = "view", purposes: set[int] | None = None) -> Event:
    granted = None if purposes is None else frozenset(purposes)
    return Event(f"e-{number}", USER, event_type, ts_ms, purposes=granted)


moments = st.integers(1, 48).map(lambda hours: hours * HOUR_MS) | st.integers(1, 48 * HOUR_MS)
facts = st.builds(event, st.integers(1, 40), moments, st.sampled_from(["view", "buy", "other"])) | st.builds(
    lambda ts_ms, number: ListEntry(f"l-{number}", USER, "vip", ts_ms), moments, st.integers(1, 9)
)


@given(batches=st.lists(st.lists(facts, min_size=1, max_size=6), max_size=12), forgets=st.booleans())
def test_what_is_told_is_what_a_replay_of_the_events_one_by_one_tells(
    batches: list[list[Fact]], *, forgets: bool
) -> None:
    found = [(each.model, each.told) for each in drawn(batches, forgets=forgets)]
    expected = list(wanted(batches))
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_what_no_rule_looks_at_is_measured_beside_what_rules_do() -> None:
    catalog = with_models(ALL, others=definition(features={"others": "count('other')", "views": "count('view')"}))
    batches = [[event(1, 5), event(2, 6, "other")], [event(3, 7, "other"), event(4, 8)]]
    vectors = {each.told.features for each in drawn(batches, catalog) if isinstance(each.told, Sample)}
    assert vectors == {
        (math.log1p(1), 0.0),
        (math.log1p(1), math.log1p(1)),
        (math.log1p(2), math.log1p(2)),
        (math.log1p(2), 0.0),
    }
    follows = {study.model_id: study.follows for study in sampling_of(catalog).studies}
    assert (follows["groups"], follows["others"]) == (True, False)


def test_what_was_worked_out_by_another_catalog_is_not_relied_on() -> None:
    others = definition(features={"others": "count('other')"})
    catalog = with_models(catalog_of("count('other') >= 1"), groups=others)
    facts = event(1, 5), event(2, 6, "other")
    state = after(UserState(), *facts, catalog=catalog_of("count('view') >= 1"))
    [message] = sampling_of(catalog).draw(MEMBER, UserState(), state, 0).messages
    assert heard(message).told == Sample(NUMBER, 6, (math.log1p(1),))


def test_days_begin_by_the_clocks_of_the_users_space() -> None:
    catalog = with_models(Catalog(), groups=definition(features={"today": "count('view', within='today')"}))
    rules = Rules(KEEP_ALL, TimeZones.parse("UTC default=Asia/Tokyo"))
    batches = [[event(1, 14 * HOUR_MS)], [event(2, 16 * HOUR_MS)]]  # in Tokyo 23:00 and 01:00
    for of_rules, number in ((None, 2), (rules, 1)):
        last = drawn(batches, catalog, of_rules, forgets=True)[-1].told
        assert isinstance(last, Sample)
        assert last.features == (math.log1p(number),)


def test_a_model_is_told_by_the_digest_of_its_newest_definition_in_a_partition_of_its_own() -> None:
    newer = with_models(ALL, groups=definition(features={"all": "count('view')"}))
    state = after(UserState(), event(1, 5), catalog=newer)
    messages = sampling_of(newer).draw(MEMBER, UserState(), state, 0).messages
    by_model = {heard(each).model: (each, heard(each)) for each in messages}
    message, said = by_model["groups"]
    assert (said.digest, said.told) == (
        newer.registry.models["groups"].definition.digest,
        Sample(NUMBER, 5, (math.log1p(1),)),
    )
    assert message.partition == partition_of("groups", SAMPLE_PARTITIONS)


def test_an_outcome_is_told_of_who_is_not_sampled_then_and_comes_late() -> None:
    facts = [event(number, number) for number in range(1, 6)]
    [deed] = drawn([*([each] for each in facts), [event(6, 3, "buy")]])[-1:]
    assert (deed.model, deed.told) == ("likely", Outcome(NUMBER, 3))


def test_of_many_deeds_each_is_told_once_also_where_some_have_fallen_off_the_log() -> None:
    catalog = with_models(Catalog(), likely=definition("propensity", event="buy"))
    deeds = [event(number, 1_000 + number, "buy") for number in range(RETAINED + REMEMBERED - 1)]
    late = event(9_000, 5, "buy")
    cut = [deeds[:1], deeds[1:200], deeds[200:300], deeds[300:], [late], [deeds[1_000], late]]
    found = [each.told.at_ms for each in drawn(cut, catalog) if isinstance(each.told, Outcome)]
    assert found == [each.ts_ms for each in (*deeds, late)]


def test_nobody_is_sampled_of_whom_only_a_list_is_known() -> None:
    on_a_list = ListEntry("l-1", USER, "vip", 5)
    assert drawn([[on_a_list]]) == []
    assert {each.model for each in drawn([[on_a_list], [event(1, 6)]])} == {"groups", "alike", "likely"}


@pytest.mark.parametrize(
    ("purposes", "told"), [(None, True), (set(), False), ({1}, False), ({1, 3}, True), ({1, 2, 3}, True)]
)
def test_who_has_not_granted_the_models_purposes_is_not_learned_from(purposes: set[int] | None, *, told: bool) -> None:
    catalog = with_models(Catalog(), likely=definition("propensity", event="view", purposes=[3, 1]))
    assert len(drawn([[event(1, 5, purposes=purposes)]], catalog)) == (2 if told else 0)


def test_where_consent_is_required_nothing_is_told_of_who_has_no_record_of_it() -> None:
    rules = Rules(KEEP_ALL, TimeZones(), consent_required=True)
    assert drawn([[event(1, 5)]], rules=rules) == []
    assert len(drawn([[event(1, 5, purposes=set())]], rules=rules)) == 3


def test_consent_that_is_withdrawn_with_a_deed_keeps_the_deed() -> None:
    catalog = with_models(Catalog(), likely=definition("propensity", event="buy", purposes=[1]))
    found = drawn([[event(1, 5, purposes={1})], [event(2, 6, "buy", purposes=set())]], catalog)
    assert [type(each.told) for each in found] == [Sample]


def test_thinning_leaves_out_samples_and_no_outcome() -> None:
    samples = lost = deeds = 0
    sampling = sampling_of(with_models(Catalog(), likely=definition("propensity", event="view")))
    for number in range(400):
        member = f"default:u-{number}"
        state = after(UserState(), replace(event(1, 5), user_id=f"u-{number}"), catalog=sampling.catalog)
        found = sampling.draw(member, UserState(), state, 2)
        kinds = [type(heard(each).told) for each in found.messages]
        samples, deeds, lost = samples + kinds.count(Sample), deeds + kinds.count(Outcome), lost + found.thinned
    assert (deeds, samples + lost) == (400, 400)
    assert 60 < samples < 140


def test_a_key_changes_the_pseudonym_and_without_one_it_is_the_same_everywhere() -> None:
    rules = Rules(KEEP_ALL, TimeZones(), pseudonym_key=b"secret")
    [plain, *_], [keyed, *_] = drawn([[event(1, 5)]]), drawn([[event(1, 5)]], rules=rules)
    assert plain.told.user == pseudonym(keys.space_of(MEMBER), USER)
    assert keyed.told.user == pseudonym("default", USER, b"secret") != plain.told.user


def test_a_model_that_cannot_be_sampled_for_is_told_of_and_keeps_no_other_from_it() -> None:
    catalog = catalog_of('request("hour") == 3', "count('view') >= 1")
    catalog = with_models(
        catalog,
        by_request=definition("lookalike", seed="s-0"),
        among_nobody=definition(among="gone"),
        by_brand=definition(features={"brands": "distinct('view', 'brand')"}),
        good=definition(),
    )
    sampling = sampling_of(catalog, Rules(KeepList.parse("category"), TimeZones()))
    assert sampling.unfit == ["by_request", "among_nobody", "by_brand"]
    assert [study.model_id for study in sampling.studies] == ["good"]
