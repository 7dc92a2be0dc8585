"""From what was measured to a verdict: figures, thresholds, and whether the run says anything at all."""

from pathlib import Path

import pytest

from loadtests.load.measured.figures import Figures, figures
from loadtests.load.measured.measured import LagSample, Measured
from loadtests.load.measured.outcomes import judge as judge_answer
from loadtests.load.measured.prometheus import WORK
from loadtests.load.measured.thresholds import (
    THRESHOLDS_FILE,
    BadThresholds,
    Judged,
    Limit,
    Verdict,
    applicable,
    judge,
    read_thresholds,
)
from loadtests.load.measured.validity import reasons, verdict
from loadtests.load.traffic.scenarios import SCENARIOS

GOOD_FIGURES: Figures = {"lookup.requests": 100.0, "generator.late_p99_ms": 1.0, "lookup.p99_ms": 5.0}
P99 = Limit("lookup.p99_ms", "max", 10.0)
LATE = Limit("generator.late_p99_ms", "max", 5.0)


def judged_as(limits: list[Limit], found: Figures, seconds: float = 60.0, complaints: tuple[str, ...] = ()) -> Verdict:
    judged = judge(limits, found)
    return verdict(judged, reasons(found, judged, seconds, complaints))


def measured_of(outcomes: dict[str, int], *, kind: str = "lookup", second: int = 0, took_ms: int = 4) -> Measured:
    measured = Measured(seconds=10.0)
    tally = measured.tallies.at(second, kind)
    tally.due = sum(outcomes.values())
    tally.outcomes.update(outcomes)
    for _ in range(tally.due):
        tally.latency.record_us(took_ms * 1000)
        tally.late.record_us(100)
    return measured


def test_all_that_holds_is_ok() -> None:
    assert judged_as([P99, LATE], GOOD_FIGURES) is Verdict.OK


def test_a_threshold_that_does_not_hold_breaks_the_run() -> None:
    assert judged_as([P99, LATE], GOOD_FIGURES | {"lookup.p99_ms": 10.1}) is Verdict.BROKEN


def test_a_limit_may_be_reached() -> None:
    assert judged_as([P99], GOOD_FIGURES | {"lookup.p99_ms": 10.0}) is Verdict.OK
    assert Judged(Limit("lookup.known", "min", 0.5), 0.5).verdict is Verdict.OK
    assert Judged(Limit("lookup.known", "min", 0.5), 0.49).verdict is Verdict.BROKEN


def test_a_run_whose_generator_was_late_is_invalid_whatever_else_holds_or_not() -> None:
    for p99_ms in (5.0, 500.0):
        late = GOOD_FIGURES | {"generator.late_p99_ms": 6.0, "lookup.p99_ms": p99_ms}
        assert judged_as([P99, LATE], late) is Verdict.INVALID


def test_a_figure_that_was_not_measured_makes_the_run_invalid() -> None:
    assert judged_as([P99, Limit("freshness.p99_ms", "max", 250)], GOOD_FIGURES) is Verdict.INVALID


def test_where_nothing_was_answered_the_errors_say_so() -> None:
    limits = [P99, Limit("lookup.known", "min", 0.5), Limit("lookup.errors", "max", 0.01)]
    found = figures(measured_of({"refused": 50}))
    assert judged_as(limits, found) is Verdict.BROKEN


def test_a_run_that_was_too_short_or_sent_nothing_or_lost_a_process_is_invalid() -> None:
    assert judged_as([P99], GOOD_FIGURES, seconds=3) is Verdict.INVALID
    assert judged_as([], {"lookup.requests": 0.0}) is Verdict.INVALID
    assert judged_as([P99], GOOD_FIGURES, complaints=("a process ended with -9",)) is Verdict.INVALID


def test_says_whether_the_generator_or_its_machine_was_too_slow() -> None:
    late = GOOD_FIGURES | {"generator.late_p99_ms": 6.0}
    busy, starved = (reasons(late | {"generator.cpu": cpu}, judge([LATE], late), 60, ()) for cpu in (0.97, 0.1))
    assert "more --processes" in busy[0]
    assert "a machine of its own" in starved[0]


def test_degraded_answers_and_polite_refusals_are_no_errors_and_told_apart() -> None:
    found = figures(
        measured_of({"known": 40, "unknown": 10, "degraded": 20, "shed": 10, "timeout": 15, "status 500": 5})
    )
    told = {name: found[f"lookup.{name}"] for name in ("errors", "degraded", "shed", "known", "served_per_s")}
    assert told == {"errors": 0.2, "degraded": 0.2, "shed": 0.1, "known": 0.8, "served_per_s": 5.0}


def test_the_warm_up_does_not_count() -> None:
    measured = measured_of({"known": 10})
    measured.tallies.add(measured_of({"timeout": 1_000}, second=-1, took_ms=5_000).tallies)
    found = figures(measured)
    assert (found["lookup.errors"], found["lookup.requests"], found["lookup.max_ms"]) == (0, 10, 4.0)


def test_freshness_counts_probes_that_never_showed() -> None:
    found = figures(measured_of({"visible": 8, "never visible": 1, "event: 503": 1}, kind="freshness"))
    assert (found["freshness.probes"], found["freshness.never"], found["freshness.failed"]) == (10, 1, 2)


@pytest.mark.parametrize(
    ("kind", "status", "body", "outcome"),
    [
        ("lookup", 200, b'{"user_id":"u","known":true,"segments":[],"degraded":false}', "known"),
        ("lookup", 200, b'{"user_id":"u","known":false,"segments":[],"degraded":false}', "unknown"),
        ("lookup", 200, b'{"user_id":"u","known":false,"segments":[],"degraded":true}', "degraded"),
        ("lookup", 200, b"<html>a proxy's page</html>", "garbled"),
        ("lookup", 503, b"", "shed"),
        ("lookup", 404, b"", "status 404"),
        ("batch", 200, b'{"results":[{"degraded":false}]}', "answered"),
        ("batch", 200, b'{"results":[{"degraded":false},{"degraded":true}]}', "degraded"),
        ("event", 202, b'{"accepted":1,"rejected":[]}', "accepted"),
        ("event", 202, b'{"accepted":1,"rejected":[{"index":1,"error":"x"}]}', "rejected"),
        ("event", 200, b'{"accepted":1,"rejected":[]}', "status 200"),
    ],
)
def test_an_answer_is_good_only_if_it_says_what_was_asked(kind: str, status: int, body: bytes, outcome: str) -> None:
    assert judge_answer(kind, status, body) == outcome


@pytest.mark.parametrize("scenario", [*SCENARIOS, "freshness-50", "freshness-90"])
def test_the_thresholds_name_figures_that_there_are(scenario: str) -> None:
    measured = measured_of({"known": 1})
    for kind, outcome in (("event", "accepted"), ("batch", "answered"), ("freshness", "visible")):
        measured.tallies.add(measured_of({outcome: 1}, kind=kind).tallies)
    measured.lag.append(LagSample(1.0, 5, 0, 5))
    measured.spent = {role: {"per_thousand_s": 1.0, "memory_growth_mb_per_h": 0.0} for role in WORK}
    limits = read_thresholds(THRESHOLDS_FILE, scenario)
    assert {limit.figure for limit in limits} <= set(figures(measured))
    assert any(limit.figure.startswith("generator.") for limit in limits)


def test_every_scenario_of_the_file_is_one() -> None:
    known = {*SCENARIOS, "freshness-50", "freshness-90"}
    lines = THRESHOLDS_FILE.read_text().partition("\nscenarios:\n")[2].splitlines()
    named = [line.strip(" :") for line in lines if line.startswith("  ") and line[2].isalpha()]
    assert named
    assert set(named) <= known


def test_a_scenario_changes_single_thresholds_and_takes_others_away(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "{defaults: {a.b: {max: 1}, c.d: {min: 2}, e.f: {max: 3}}, scenarios: {x: {a.b: {max: 9}, c.d: null}}}"
    )
    assert read_thresholds(file, "x") == [Limit("a.b", "max", 9), Limit("e.f", "max", 3)]
    assert applicable(read_thresholds(file, "x"), {"a": False}) == [Limit("e.f", "max", 3)]


@pytest.mark.parametrize(
    "text", ["", "[]", "{defaults: {a: {max: x}}, scenarios: {}}", "{defaults: {a: {most: 1}}, scenarios: {}}", ":"]
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(BadThresholds, match=r"own\.yaml|is no limit"):
        read_thresholds(file, "x")
