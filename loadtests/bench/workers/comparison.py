"""The parts of the comparison: who drains which backlog, how often, in which order. All take turns, round by round."""

from collections.abc import Sequence
from itertools import islice

from loadtests.bench.progress import say
from loadtests.bench.workers.backlog import Topic, write_backlog
from loadtests.bench.workers.contestants import Contestant, peer, put_segments, tranche
from loadtests.bench.workers.drain import drain
from loadtests.bench.workers.events import Workload, events_of
from loadtests.bench.workers.measured import OURS, PEERS, Rounds, Spent
from loadtests.bench.workers.segments import SEGMENTS, segments
from loadtests.bench.workers.stage import Stage
from loadtests.bench.workers.trained import put_trained

GROWN = 1_000
ALL = (OURS, *PEERS)
_START_EVENTS = 200
"""What is drained to learn what a start takes."""
_SMALL_CACHE_EVENTS = 10_000


def against_peers(stage: Stage, workload: Workload, names: Sequence[str], count: int) -> Rounds:
    """Tranche with fifty segments, and peers, one core each. Raises BenchError."""
    kept = put_segments(stage, segments(SEGMENTS))
    contestants = [tranche(kept) if name == OURS else peer(name) for name in names]
    return _rounds(stage, contestants, _topics(stage, "peers", workload), count)


def growth(stage: Stage, workload: Workload, count: int) -> Rounds:
    """Tranche with fifty segments and with a thousand. Raises BenchError."""
    contestants = [
        tranche(put_segments(stage, segments(number)), name=f"{number:,} segments") for number in (SEGMENTS, GROWN)
    ]
    return _rounds(stage, contestants, _topics(stage, "growth", workload), count)


def scaling(stage: Stage, workload: Workload, count: int) -> Rounds:
    """One worker, and two that share the partitions, on whichever core there is room. Raises BenchError."""
    kept = put_segments(stage, segments(SEGMENTS))
    contestants = [tranche(kept, name="1 worker"), tranche(kept, name="2 workers", workers=2)]
    return _rounds(stage, contestants, _topics(stage, "scaling", workload), count)


def with_models(stage: Stage, workload: Workload, count: int) -> Rounds:
    """Tranche with fifty segments, and with two more that name a cluster model and a look-alike. Raises BenchError."""
    topics = _topics(stage, "models", workload)
    fifty = segments(SEGMENTS)
    contestants = [
        tranche(put_segments(stage, fifty), name="no models"),
        tranche(put_trained(stage, fifty, topics[0]), name="two models"),
    ]
    return _rounds(stage, contestants, topics, count)


def bounded(stage: Stage, workload: Workload) -> Rounds:
    """As many events of some users, and of ten times as many, by a worker whose cache holds few. Raises BenchError."""
    kept = put_segments(stage, segments(SEGMENTS))
    found = {}
    for users in (workload.users, workload.users * 10):
        some = Workload(workload.events, users, skew=0, end_ms=workload.end_ms)
        topic = write_backlog(stage.bootstrap, f"bounded.{users}", events_of(some))
        contestant = tranche(kept, name=f"{users:,} users", settings={"TRANCHE_CACHE_EVENTS": str(_SMALL_CACHE_EVENTS)})
        found[contestant.name] = [_told(contestant, drain(stage, contestant, topic))]
    return found


def _topics(stage: Stage, name: str, workload: Workload) -> tuple[Topic, Topic]:
    """The backlog, and the beginning of it."""
    few = islice(events_of(workload), _START_EVENTS)
    start = write_backlog(stage.bootstrap, f"{name}.start", few)
    return write_backlog(stage.bootstrap, f"{name}.backlog", events_of(workload)), start


def _rounds(stage: Stage, contestants: Sequence[Contestant], topics: tuple[Topic, Topic], count: int) -> Rounds:
    found: dict[str, list[Spent]] = {contestant.name: [] for contestant in contestants}
    backlog, start = topics
    drain(stage, contestants[0], start)  # young servers are slow, and that is nobody's merit
    for _ in range(count):
        for each in contestants:
            begun = drain(stage, each, start)
            found[each.name].append(_told(each, drain(stage, each, backlog).beyond(begun)))
    return found


def _told(contestant: Contestant, spent: Spent) -> Spent:
    rates = f"{spent.per_s:,.0f} events/s, {spent.per_cpu_s:,.0f} per CPU second"
    say(f"{contestant.name}: {rates} (load average {spent.load:.1f})")
    return spent
