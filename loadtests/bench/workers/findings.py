"""What the measurements of workers come to: tables, ratios against the budgets, and what they predict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loadtests.bench.figures import Budget, Finding, ratios, short, spread, times
from loadtests.bench.report import Table
from loadtests.bench.workers.measured import OURS, PEERS, Memory, Rounds, Spent

_US = 1e6
_MIB = 2**20

BEYOND = """Rates are of the events beyond the first 200: a start, which takes as long for few events as for many, is \
measured by itself and taken off. On the clock each contestant runs alone on one core, with Kafka and Redis on the \
other; where other things run too, events per CPU second are the ratio to trust."""
WORK = """Tranche evaluates fifty segments, stores profiles and memberships, and applies each event exactly once. The \
peers fold the features that those fifty rules read, in plain Python, and store them: no segments, no memberships, \
late and repeated events count where they arrive, and what they hold is lost with them."""
BATCHES = """bytewax is the flow that its guide teaches: a state after each event. bytewax-batches makes one state of \
up to 64,000 events that wait, so a hot user is written once for thousands of events, and seconds later."""
QUIX = """quix is the flow that its documentation teaches: a state after each event, which its own Redis sink keeps \
until the checkpoint of each second, and writes. What is kept are Python objects, and most of the time goes to the \
garbage collector that looks through them; quix-bytes hands the sink bytes instead. quix-newest has a sink of our own \
that writes each user once a checkpoint. All three go without changelog topics, in their favour."""
_CLOCK = """{name}: in {count} of {of} rounds the clock cannot be right. A start that is taken off waited for what the \
long run did not wait for: less is left than was computed. There events/s tell what computing alone allows at most."""
NOTES = (BEYOND, WORK, BATCHES, QUIX)

_BYTEWAX, _QUIX = (0.7, 1.5), (1.5, 3.0)
_PEER_BUDGETS = {name: _BYTEWAX if name.startswith("bytewax") else _QUIX for name in PEERS}


def peers_table(rounds: Rounds) -> Table:
    return _table("Events applied, one core each", rounds, OURS)


def peer_findings(rounds: Rounds) -> list[Finding]:
    """Tranche against each peer that took part."""
    peers = [name for name in rounds if name in _PEER_BUDGETS] if OURS in rounds else []
    return [finding for name in peers for finding in _against(rounds[OURS], rounds[name], name)]


def _against(ours: Sequence[Spent], theirs: Sequence[Spent], name: str) -> list[Finding]:
    must, goal = _PEER_BUDGETS[name]
    rate = Budget(f"events/s of a core, against {name}", must, goal)
    cpu = Budget(f"events per CPU second, against {name}", must, goal)
    return [
        Finding(rate, ratios([each.per_s for each in ours], [each.per_s for each in theirs])),
        Finding(cpu, ratios([each.per_cpu_s for each in ours], [each.per_cpu_s for each in theirs])),
    ]


def clock_notes(rounds: Rounds) -> list[str]:
    """Whose clock is not to be trusted, and in how many rounds."""
    failed = {name: sum(each.clock_fails for each in found) for name, found in rounds.items()}
    return [_CLOCK.format(name=name, count=count, of=len(rounds[name])) for name, count in failed.items() if count]


def growth_table(rounds: Rounds) -> Table:
    return _table("As segments grow", rounds, next(iter(rounds)))


def growth_finding(rounds: Rounds) -> Finding:
    fewer, more = rounds.values()
    budget = Budget("CPU an event, 1,000 segments / 50", must=4, goal=2, more_is_better=False)
    return Finding(
        budget, ratios([each.cpu_s / each.events for each in more], [each.cpu_s / each.events for each in fewer])
    )


def scaling_table(rounds: Rounds) -> Table:
    return _table("As workers are added (two share the servers' core)", rounds, next(iter(rounds)))


def scaling_finding(rounds: Rounds) -> Finding:
    one, two = rounds.values()
    budget = Budget("events per CPU second, 2 workers / 1", must=0.9)
    return Finding(budget, ratios([each.per_cpu_s for each in two], [each.per_cpu_s for each in one]))


def models_table(rounds: Rounds) -> Table:
    return _table("With a cluster model and a look-alike", rounds, next(iter(rounds)))


def models_finding(rounds: Rounds) -> Finding:
    none, two = rounds.values()
    budget = Budget("events per CPU second, a cluster model and a look-alike / none", must=0.7)
    return Finding(budget, ratios([each.per_cpu_s for each in two], [each.per_cpu_s for each in none]))


def prediction(rounds: Rounds) -> str:
    """What the unit costs of one worker say of many."""
    one = next(iter(rounds.values()))
    worker_us, redis_us, kafka_us = (spread([_us(each, name) for each in one]).middle for name in _CPU)
    costs = f"{short(worker_us)} us of a worker, {short(redis_us)} us of Redis and {short(kafka_us)} us of Kafka"
    redis = f"{short(worker_us / redis_us)} workers, which apply {_US / redis_us:,.0f} events/s"
    return f"An event takes {costs}. So a core of Redis carries {redis}, and a core of Kafka {_US / kafka_us:,.0f}."


def bounded_table(rounds: Rounds) -> Table:
    rows = [[name, f"{found[0].rss_bytes / _MIB:,.0f}"] for name, found in rounds.items()]
    return Table(
        "Memory of a worker whose cache holds 10,000 events; as many events in all", ["users", "RSS MiB"], rows
    )


def bounded_finding(rounds: Rounds) -> Finding:
    few, many = rounds.values()
    budget = Budget("RSS of a worker, 10x users / 1x", must=1.25, more_is_better=False)
    return Finding(budget, ratios([each.rss_bytes for each in many], [each.rss_bytes for each in few]))


def memory_table(memories: Sequence[Memory]) -> Table:
    kinds = sorted({kind for each in memories for kind in each.by_kind} - {"catalog"})
    headers = ["workload", "users", "events kept", "bytes a user", "budget", *kinds]
    return Table("Memory of Redis a user, 50 segments, bytes", headers, [_memory_row(each, kinds) for each in memories])


def _memory_row(memory: Memory, kinds: Sequence[str]) -> list[str]:
    a_user = memory.used_bytes / memory.users
    parts = [f"{memory.by_kind.get(kind, 0) / memory.users:,.0f}" for kind in kinds]
    kept = f"{memory.retained / memory.users:.1f}"
    return [memory.what, f"{memory.users:,}", kept, f"{a_user:,.0f}", f"{a_user / memory.of_budget:,.0f}", *parts]


def memory_finding(memory: Memory) -> Finding:
    budget = Budget(f"memory / (1 KiB + 24 B an event), {memory.what}", must=1, goal=0.5, more_is_better=False)
    return Finding(budget, [memory.of_budget])


def samples(part: str, rounds: Rounds) -> list[Mapping[str, Any]]:
    return [{"part": part, "name": name, **asdict(each)} for name, found in rounds.items() for each in found]


_CPU = ("cpu_s", "redis_cpu_s", "kafka_cpu_s")


def _us(spent: Spent, name: str) -> float:
    seconds: float = getattr(spent, name)
    return seconds / spent.events * _US


def _table(title: str, rounds: Rounds, yardstick: str) -> Table:
    headers = [
        "",
        "events/s",
        "events per CPU s",
        f"{yardstick} by it",
        "us an event",
        "Redis us",
        "Kafka us",
        "RSS MiB",
    ]
    return Table(title, headers, [_row(name, found, rounds.get(yardstick)) for name, found in rounds.items()])


def _row(name: str, found: Sequence[Spent], yardstick: Sequence[Spent] | None) -> list[str]:
    rates = [each.per_cpu_s for each in found]
    compared = "" if yardstick is None else times(spread(ratios([each.per_cpu_s for each in yardstick], rates)).middle)
    costs = [short(spread([_us(each, cpu) for each in found]).middle) for cpu in _CPU]
    rss = f"{max(each.rss_bytes for each in found) / _MIB:,.0f}"
    return [name, str(spread([each.per_s for each in found])), str(spread(rates)), compared, *costs, rss]
