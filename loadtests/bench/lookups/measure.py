"""One measurement of one server: what was answered, and the CPU that each process took for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.lookups.closed_loop import Asked, ClosedLoop, ask_closed_loop
from loadtests.bench.lookups.open_loop import OpenLoop, ask_open_loop
from loadtests.bench.machine import Cores, load_average
from loadtests.peers.lookups.contender import Contender

MANY_PATH = "/v1/lookup"


@dataclass(frozen=True)
class Case:
    """What is asked, one request a line of a file, and over how many connections.

    With one user a request a line is the user's id; with more it is the body that asks for them.
    """

    title: str
    file: Path
    connections: int
    users_each: int = 1

    def __str__(self) -> str:
        return f"{self.title}, {self.connections} connections"

    def asked_of(self, contender: Contender) -> Asked:
        if self.users_each > 1:
            return Asked(self.file, "POST", MANY_PATH, "")
        return Asked(self.file, "GET", contender.prefix, contender.suffix)


@dataclass
class Cpu:
    """Seconds of CPU during a measurement; the server's are those of its worker processes as well."""

    server_s: float = 0.0
    redis_s: float = 0.0


@dataclass(frozen=True)
class Closed:
    """Lookups a second whose answers are whole; CPU in microseconds for one of them, what was turned away included."""

    server: str
    case: str
    rate: float
    degraded_share: float
    errors: int
    server_us: float
    redis_us: float
    generator_us: float
    server_busy: float
    load_core_busy: float
    """The part of the other core that Redis and wrk took."""
    load_average: float


@dataclass(frozen=True)
class Open:
    server: str
    case: str
    rate: float
    timed: OpenLoop
    server_us: float
    load_average: float


def measure_closed(contender: Contender, case: Case, seconds: float, cores: Cores) -> Closed:
    """Raises BenchError."""
    with _cpu(contender) as cpu:
        told = ask_closed_loop(contender, case.asked_of(contender), case.connections, seconds, cores.load)
    return closed(contender.name, case, told, cpu, load_average())


def closed(server: str, case: Case, told: ClosedLoop, cpu: Cpu, average: float) -> Closed:
    us_a_lookup = 1e6 / max(1, told.whole * case.users_each)
    return Closed(
        server=server,
        case=str(case),
        rate=told.whole * case.users_each / told.seconds,
        degraded_share=max(0, told.answers - told.errors - told.whole) / max(1, told.answers),
        errors=told.errors,
        server_us=cpu.server_s * us_a_lookup,
        redis_us=cpu.redis_s * us_a_lookup,
        generator_us=told.generator_cpu_s * us_a_lookup,
        server_busy=cpu.server_s / told.seconds,
        load_core_busy=(cpu.redis_s + told.generator_cpu_s) / told.seconds,
        load_average=average,
    )


def measure_open(contender: Contender, case: Case, rate: float, seconds: float, cores: Cores) -> Open:
    """Raises BenchError."""
    with _cpu(contender) as cpu:
        timed = ask_open_loop(contender, case.file, case.connections, rate, seconds, cores.load)
    server_us = cpu.server_s / max(1, timed.whole) * 1e6
    return Open(contender.name, str(case), rate, timed, server_us, load_average())


@contextmanager
def _cpu(contender: Contender) -> Iterator[Cpu]:
    """Filled in when the block ends."""
    cpu, before_s = Cpu(), (contender.server.cpu_s(), sum(each.cpu_s() for each in contender.redis))
    yield cpu
    cpu.server_s = contender.server.cpu_s() - before_s[0]
    cpu.redis_s = sum(each.cpu_s() for each in contender.redis) - before_s[1]
