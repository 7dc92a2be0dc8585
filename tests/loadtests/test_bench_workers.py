"""What a comparison of workers computes: its events and segments, what its peers fold, and what it makes of figures."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.errors import BenchError
from loadtests.bench.figures import Verdict
from loadtests.bench.workers import findings
from loadtests.bench.workers.events import Workload, events_of, user_id
from loadtests.bench.workers.measured import OURS, PEERS, Memory, Spent, kind_of, retained
from loadtests.bench.workers.partitions import partition_of
from loadtests.bench.workers.segments import SEGMENTS, segments
from loadtests.peers.workers.features import GROUPS, HALF_LIVES_MS, NUMBERS, SEQUENCES, State, fold, new_state
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation import partitions as product
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import read_event
from services.segmentation.keep import KeepList
from services.segmentation.rules.durations import parse_duration
from services.segmentation.wire import keys

WORKLOAD = Workload(events=3_000, users=500)
HOUR_MS = 3_600_000
OPTIONS = {"within", "halflife"}


@given(key=st.binary(max_size=40), partitions=st.integers(1, 4096))
def test_an_event_goes_to_the_partition_where_the_product_looks_for_its_user(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == product.partition_of(key, partitions)


def test_the_workload_is_what_the_product_takes_and_the_same_every_time() -> None:
    events = list(events_of(WORKLOAD))
    assert len(events) == len({event["event_id"] for event in events}) == WORKLOAD.events
    assert events == list(events_of(WORKLOAD))
    assert all(read_event(event, arrived_ms=WORKLOAD.end_ms).ts_ms <= WORKLOAD.end_ms for event in events)


def test_most_events_are_in_order_and_a_few_are_late() -> None:
    times = [event["ts"] for event in events_of(WORKLOAD)]
    late = sum(after < before for before, after in pairwise(times))
    assert 0 < late < len(times) / 20


def test_users_are_as_uneven_as_the_skew_says() -> None:
    def part_of_the_busiest(skew: float) -> float:
        users = Counter(event["user_id"] for event in events_of(Workload(5_000, 1_000, skew)))
        return users[user_id(0)] / 5_000

    harmonic = sum(rank**-1.1 for rank in range(1, 1_001))
    assert part_of_the_busiest(1.1) == pytest.approx(1 / harmonic, rel=0.15)
    assert part_of_the_busiest(0) < 0.01


def test_a_thousand_segments_are_the_fifty_and_others_that_the_product_takes() -> None:
    fifty, many = segments(SEGMENTS), segments(1_000)
    assert len(fifty) == SEGMENTS
    assert list(many.items())[:SEGMENTS] == list(fifty.items())
    assert len({segment["rule"] for segment in many.values()}) == 1_000
    definitions = {name: SegmentDefinition.model_validate(segment) for name, segment in many.items()}
    assert len(Catalog().put_all(definitions, KeepList.parse(DEFAULT_KEEP)).segments) == 1_000


def test_peers_fold_all_that_the_fifty_rules_read_of_events() -> None:
    for segment in segments(SEGMENTS).values():
        for call in _calls(segment["rule"]):
            assert _is_folded(call), ast.unparse(call)


def test_peers_count_and_add_up_every_event() -> None:
    states: dict[str, State] = {}
    counts: Counter[tuple[str, str]] = Counter()
    spent: Counter[str] = Counter()
    for event in events_of(WORKLOAD):
        fold(states.setdefault(event["user_id"], new_state()), event)
        counts[event["user_id"], event["type"]] += 1
        if event["type"] == "purchase":
            spent[event["user_id"]] += event["properties"]["value"]
    for (user, event_type), count in counts.items():
        rows = states[user]["types"][event_type]["hours"].values()
        assert sum(row[0] for row in rows) == count
        if event_type == "purchase":
            assert sum(row[1] for row in rows) == pytest.approx(spent[user])


def test_peers_know_when_steps_were_completed_in_order_and_in_time() -> None:
    def completed(*happened: tuple[str, int]) -> int:
        state = new_state()
        for event_type, ts_ms in happened:
            fold(state, {**next(events_of(WORKLOAD)), "type": event_type, "ts": ts_ms, "properties": {}})
        found: int = state["sequences"]["searched"][-1]
        return found

    begin_ms = WORKLOAD.end_ms
    assert (
        completed(("search", begin_ms), ("product_view", begin_ms + 1), ("add_to_cart", begin_ms + 2)) == begin_ms + 2
    )
    assert completed(("search", begin_ms), ("add_to_cart", begin_ms + 1), ("product_view", begin_ms + 2)) == 0
    late_ms = begin_ms + HOUR_MS + 1
    assert completed(("search", begin_ms), ("product_view", begin_ms + 1), ("add_to_cart", late_ms)) == 0


def test_a_start_is_taken_off_what_a_run_took() -> None:
    whole, start = _spent(events=1_200, cpu_s=7.0), _spent(events=200, cpu_s=2.0)
    assert (whole.beyond(start).events, whole.beyond(start).per_cpu_s) == (1_000, 200.0)
    with pytest.raises(BenchError):
        start.beyond(whole)


def test_a_core_computes_for_no_longer_than_the_clock_says() -> None:
    sound, failed = _spent(wall_s=2.0, cpu_s=1.9), _spent(wall_s=0.1, cpu_s=2.0)
    assert (sound.clock_fails, sound.per_s) == (False, 500.0)
    assert (failed.clock_fails, failed.per_s) == (True, 500.0)
    assert not replace(_spent(wall_s=1.0, cpu_s=1.9), processes=2).clock_fails
    assert findings.clock_notes({"tranche": [sound]}) == []
    (note,) = findings.clock_notes({"tranche": [sound], "quix": [failed, sound, sound]})
    assert note.startswith("quix: in 1 of 3 rounds")


def test_a_start_that_waited_for_longer_than_the_whole_run_leaves_its_computing() -> None:
    beyond = _spent(events=1_200, wall_s=9.0, cpu_s=6.0).beyond(_spent(events=200, wall_s=12.0, cpu_s=1.0))
    assert (beyond.clock_fails, beyond.per_s, beyond.per_cpu_s) == (True, 200.0, 200.0)


def test_every_peer_is_held_against_a_budget() -> None:
    rounds = {name: [_spent()] for name in (OURS, *PEERS)}
    assert len(findings.peer_findings(rounds)) == 2 * len(PEERS)


def test_a_peer_that_takes_half_the_time_is_twice_as_good() -> None:
    rounds = {"tranche": [_spent(cpu_s=2.0)], "bytewax": [_spent(cpu_s=1.0)], "quix": [_spent(cpu_s=6.0)]}
    found = {finding.budget.what: finding for finding in findings.peer_findings(rounds)}
    assert found["events per CPU second, against bytewax"].spread.middle == 0.5
    assert found["events per CPU second, against bytewax"].verdict is Verdict.MISSED
    assert found["events per CPU second, against quix"].spread.middle == 3.0
    assert found["events per CPU second, against quix"].verdict is Verdict.GOAL


def test_growth_and_memory_are_the_better_the_less_they_are() -> None:
    growth = findings.growth_finding({"50": [_spent(cpu_s=1.0)], "1,000": [_spent(cpu_s=3.0)]})
    assert (growth.spread.middle, growth.verdict) == (3.0, Verdict.MUST)
    memory = Memory("some", users=10, retained=100, used_bytes=2 * (10 * 1024 + 100 * 24), by_kind={})
    assert (memory.of_budget, findings.memory_finding(memory).verdict) == (2.0, Verdict.MISSED)


def test_with_models_a_worker_keeps_seven_tenths_of_its_throughput() -> None:
    two = findings.models_finding({"no models": [_spent(cpu_s=7.1)], "two models": [_spent(cpu_s=10.0)]})
    assert two.spread.middle == pytest.approx(0.71)
    assert two.verdict is Verdict.MUST
    worse = findings.models_finding({"no models": [_spent(cpu_s=6.9)], "two models": [_spent(cpu_s=10.0)]})
    assert worse.verdict is Verdict.MISSED


def test_unit_costs_say_what_a_core_of_redis_carries() -> None:
    told = findings.prediction({"1 worker": [_spent(events=1_000_000, cpu_s=100.0, redis_cpu_s=5.0, kafka_cpu_s=2.0)]})
    assert "100 us of a worker, 5.00 us of Redis" in told
    assert "20.0 workers, which apply 200,000 events/s" in told


def test_the_newest_256_events_of_a_type_are_kept() -> None:
    events = [{"user_id": "u", "type": event_type} for event_type in ["a"] * 300 + ["b"] * 3]
    assert retained(events) == 259


def test_keys_of_the_product_are_told_apart() -> None:
    assert kind_of(keys.profile(7, "default:u").encode()) == "profiles"
    assert kind_of(keys.membership(7, "default:u").encode()) == "memberships"
    assert kind_of(keys.users(63).encode()) == "index by last seen"
    assert kind_of(keys.watermark(0).encode()) == kind_of(keys.sizes(0).encode()) == "sizes of segments, watermarks"
    assert kind_of(keys.CATALOG.encode()) == "catalog"


def _spent(
    events: int = 1_000,
    cpu_s: float = 1.0,
    redis_cpu_s: float = 0.1,
    kafka_cpu_s: float = 0.1,
    wall_s: float | None = None,
) -> Spent:
    return Spent(events, wall_s or cpu_s, cpu_s, redis_cpu_s, kafka_cpu_s, rss_bytes=1, load=1.0)


def _calls(rule: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(rule, mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FOLDED:
            yield node


def _is_folded(call: ast.Call) -> bool:
    assert isinstance(call.func, ast.Name)
    texts = [each.value for each in call.args if isinstance(each, ast.Constant)]
    options = {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
    filtered = options.keys() - OPTIONS <= set(GROUPS.get(str(texts[0]), ()))
    return filtered and _FOLDED[call.func.id](texts, options)


def _number_is_folded(texts: list[Any], _options: dict[str, Any]) -> bool:
    return texts[1] in NUMBERS[texts[0]]


def _group_is_folded(texts: list[Any], _options: dict[str, Any]) -> bool:
    return texts[1] in GROUPS[texts[0]]


def _decay_is_folded(texts: list[Any], options: dict[str, Any]) -> bool:
    return parse_duration(options["halflife"]) in HALF_LIVES_MS[texts[0]]


def _sequence_is_folded(texts: list[Any], options: dict[str, Any]) -> bool:
    return (texts, parse_duration(options["within"])) in SEQUENCES.values()


def _anything(_texts: list[Any], _options: dict[str, Any]) -> bool:
    return True


_FOLDED = {
    "count": _anything,
    "since": _anything,
    "sum": _number_is_folded,
    "avg": _number_is_folded,
    "distinct": _group_is_folded,
    "share": _group_is_folded,
    "decayed": _decay_is_folded,
    "sequence": _sequence_is_folded,
}
