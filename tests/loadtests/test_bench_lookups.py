"""What a comparison of lookups computes, and that its open loop does not flatter a server that stalls."""

import json
import math
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.errors import BenchError
from loadtests.bench.figures import Budget, Finding, Verdict, percentile, ratios, short, spread
from loadtests.bench.lookups.asker import Asker
from loadtests.bench.lookups.closed_loop import ClosedLoop
from loadtests.bench.lookups.measure import Case, Cpu, closed
from loadtests.bench.lookups.open_loop import WARM_UP_S, OpenLoop, Timed, summed_up
from loadtests.bench.lookups.skew import ZIPF, asked, exponent
from loadtests.bench.report import Report, Table

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"degraded":false}'


@given(values=st.lists(st.floats(0, 1e6), min_size=1), percent=st.floats(0.1, 100))
def test_a_percentile_is_a_value_that_so_many_are_not_above(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    not_above = sum(each <= found for each in ordered)
    below = sum(each < found for each in ordered)
    assert found in ordered
    assert not_above >= len(ordered) * percent / 100 - 1e-9
    assert below < len(ordered) * percent / 100 + 1e-9


def test_the_percentiles_of_a_hundred_are_as_one_counts_them() -> None:
    hundred = [float(each) for each in range(1, 101)]
    assert [percentile(hundred, each) for each in (1, 50, 99, 99.9, 100)] == [1, 50, 99, 100, 100]


def test_rounds_are_told_by_their_middle_and_their_ends() -> None:
    assert spread([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)


def test_a_ratio_is_of_two_measurements_of_one_round() -> None:
    assert ratios([100.0, 50.0], [200.0, 50.0]) == [0.5, 1.0]


@pytest.mark.parametrize("nothing", [0.0, math.inf])
def test_a_ratio_to_what_was_not_measured_is_refused(nothing: float) -> None:
    with pytest.raises(BenchError):
        ratios([1.0], [nothing])


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(0.64, Verdict.MISSED), (0.65, Verdict.MUST), (0.99, Verdict.MUST), (1.0, Verdict.GOAL)]
)
def test_a_rate_is_judged_by_what_it_reaches(ratio: float, verdict: Verdict) -> None:
    assert Budget("rate", must=0.65, goal=1.0).verdict(ratio) is verdict


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(math.inf, Verdict.MISSED), (2.1, Verdict.MISSED), (2.0, Verdict.MUST), (1.0, Verdict.GOAL)]
)
def test_a_wait_is_judged_by_what_it_stays_below(ratio: float, verdict: Verdict) -> None:
    assert Budget("p99", must=2, goal=1, more_is_better=False).verdict(ratio) is verdict


def test_one_lucky_round_makes_no_verdict() -> None:
    assert Finding(Budget("rate", must=0.65, goal=1.0), [0.5, 0.6, 2.0]).verdict is Verdict.MISSED


def test_only_whole_answers_count_and_their_cpu_is_that_of_all() -> None:
    told = ClosedLoop(seconds=2.0, answers=1000, whole=250, errors=50, generator_cpu_s=0.01)
    found = closed("some", Case("zipf", Path("users"), 64), told, Cpu(server_s=1.0, redis_s=0.1), average=0.0)
    assert (found.rate, found.degraded_share, found.errors) == (125.0, 0.7, 50)
    assert (found.server_us, found.redis_us, found.generator_us) == pytest.approx((4000, 400, 40))
    assert (found.server_busy, found.load_core_busy) == pytest.approx((0.5, 0.055))


def test_a_request_for_many_counts_for_each_of_them() -> None:
    told = ClosedLoop(seconds=1.0, answers=10, whole=10, errors=0, generator_cpu_s=0.1)
    found = closed("some", Case("many", Path("bodies"), 2, users_each=1000), told, Cpu(server_s=1.0), average=0.0)
    assert (found.rate, found.server_us) == (10_000, 100)


def test_what_never_came_or_was_degraded_took_for_ever() -> None:
    after = WARM_UP_S
    answered = [Timed(after + 0.01 * index, 0.002, whole=index >= 2) for index in range(96)]
    found = summed_up(int(WARM_UP_S * 100) + 100, 100, answered, [0.0], 0.1)
    assert (found.asked, found.whole, found.p50_ms) == (100, 94, 2.0)
    assert found.p99_ms == math.inf
    assert found.any_p99_ms == math.inf, "four never came"


def test_a_degraded_answer_is_an_answer_of_some_sort() -> None:
    answered = [Timed(WARM_UP_S, 0.008, whole=False)] * 100
    found = summed_up(int(WARM_UP_S * 100) + 100, 100, answered, [0.0], 0.1)
    assert (found.p50_ms, found.any_p99_ms) == (math.inf, 8.0)


def test_warming_up_does_not_count() -> None:
    answered = [Timed(0.0, 9.0, whole=True), *[Timed(WARM_UP_S, 0.001, whole=True)] * 100]
    found = summed_up(int(WARM_UP_S * 100) + 100, 100, answered, [0.0], 0.1)
    assert (found.whole, found.p999_ms) == (100, 1.0)


def test_a_server_that_stalls_pays_for_all_who_would_have_asked_meanwhile() -> None:
    with _server(stall_s=0.4) as port:
        asker = Asker(port, [b"GET / HTTP/1.1\r\n\r\n"], rate=250, connections=2)
        asker.run(1.0)
    waited = sorted(each.took_s for each in asker.answered)
    assert len(waited) == 250
    assert sum(each > 0.1 for each in waited) > 50, "two requests stalled; 75 were due while more than 0.1 s was left"


def test_a_lookup_is_asked_for_when_it_is_due() -> None:
    with _server(stall_s=0.0) as port:
        asker = Asker(port, [b"GET / HTTP/1.1\r\n\r\n"], rate=200, connections=4)
        asker.run(0.5)
    assert [round(each.due_s * 200) for each in sorted(asker.answered)] == list(range(100))
    assert all(each.whole for each in asker.answered)
    assert percentile(sorted(asker.late_s), 50) < 0.005


def test_a_connection_that_the_server_closes_is_replaced() -> None:
    with _server(stall_s=0.0, closes_after=5) as port:
        asker = Asker(port, [b"GET / HTTP/1.1\r\n\r\n"], rate=200, connections=2)
        asker.run(0.5)
    assert len(asker.answered) > 90


def test_the_skew_is_that_of_zipf() -> None:
    users = [str(each) for each in range(1000)]
    counts = Counter(asked(users, ZIPF, 50_000))
    harmonic = sum(rank**-ZIPF for rank in range(1, 1001))
    for rank in (1, 2, 10):
        assert counts[str(rank - 1)] / 50_000 == pytest.approx(rank**-ZIPF / harmonic, rel=0.1)


def test_without_skew_all_users_are_alike() -> None:
    counts = Counter(asked([str(each) for each in range(10)], 0.0, 10_000))
    assert all(count == pytest.approx(1000, rel=0.15) for count in counts.values())


def test_users_are_asked_for_in_the_same_order_each_time() -> None:
    assert asked(["a", "b", "c"], 1.0, 20) == asked(["a", "b", "c"], 1.0, 20)


def test_a_skew_has_a_name_or_is_a_number() -> None:
    assert [exponent(each) for each in ("uniform", "zipf", "0.8")] == [0.0, ZIPF, 0.8]
    with pytest.raises(BenchError, match="steep"):
        exponent("steep")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (17.35, "17.4"), (37744.7, "37,745"), (math.inf, "never")],
)
def test_figures_are_told_with_the_digits_that_matter(number: float, text: str) -> None:
    assert short(number) == text


def test_a_report_says_the_same_to_people_and_to_machines(tmp_path: Path) -> None:
    report = Report("Some <title>", {"cores": "2"}, [Table("T", ["server", "rate"], [["nginx", "1,000"]])])
    report.findings.append(Finding(Budget("rate of it", must=0.65, goal=1.0), [0.7, math.inf, 0.7]))
    report.write(tmp_path, "it")
    told = json.loads((tmp_path / "it.json").read_text())
    assert told["budgets"][0]["verdict"] == "must holds"
    assert told["budgets"][0]["rounds"] == [0.7, None, 0.7]
    page = (tmp_path / "it.html").read_text()
    for each in (report.text(), page):
        assert "rate of it" in each
        assert "0.700x" in each
        assert "must holds" in each
    assert "<title>Some &lt;title&gt;" in page


def test_an_open_loop_reaches_its_process_whole() -> None:
    found = OpenLoop(10, 9, 1.0, math.inf, math.inf, 2.0, 0.1, 0.2)
    assert OpenLoop(**json.loads(found.json())) == found


class _Answering(socketserver.StreamRequestHandler):
    """Answers every request, but stalls once on each connection, a quarter of a second after it was made."""

    stall_s = 0.0
    closes_after = 1_000_000

    def handle(self) -> None:
        stalls_s, left_s = time.monotonic() + 0.25, self.stall_s
        for _ in range(self.closes_after):
            if not self.rfile.readline():
                return
            if self.rfile.readline() == b"\r\n" and left_s and time.monotonic() > stalls_s:
                time.sleep(left_s)
                left_s = 0.0
            self.wfile.write(ANSWER)


@contextmanager
def _server(stall_s: float, closes_after: int = 1_000_000) -> Iterator[int]:
    handler = type("_Stalling", (_Answering,), {"stall_s": stall_s, "closes_after": closes_after})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
