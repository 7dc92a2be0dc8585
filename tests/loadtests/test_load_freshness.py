"""What is said of freshness, and what it stands on."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from loadtests.load.arguments import parser
from loadtests.load.commands import STEPS_LONG, freshness_line
from loadtests.load.control.gathering import ENOUGH_PROBES, few_probes
from loadtests.load.measured.measured import Measured
from loadtests.load.measured.thresholds import Limit
from loadtests.load.report.document import document, stage_of
from loadtests.load.traffic.scenarios import SCENARIOS
from loadtests.load.words import summary


def measured_of(probes: int) -> Measured:
    measured = Measured(seconds=10.0)
    measured.tallies.at(0, "lookup").due = 100
    tally = measured.tallies.at(0, "freshness")
    tally.outcomes["visible"] = probes
    for _ in range(probes):
        tally.latency.record_us(8_000)
    return measured


def test_is_told_with_its_load_and_the_number_of_its_probes() -> None:
    told = freshness_line(stage_of("50 % of peak", 1_500, measured_of(300), []))
    assert told == "freshness at 50 % of peak (1,500 a second): p50 8.0 ms, p99 8.0 ms, max 8.0 ms; 300 probes"


def test_what_was_not_measured_is_not_told_as_nothing_at_all() -> None:
    assert "not measured; 0 probes" in freshness_line(stage_of("90 % of peak", 90, Measured(seconds=10.0), []))


@pytest.mark.parametrize(("probes", "is_few"), [(0, False), (50, True), (ENOUGH_PROBES, False)])
def test_few_probes_are_said_to_be_few(probes: int, is_few: bool) -> None:
    assert any("take more --seconds or --probes" in note for note in few_probes(measured_of(probes))) is is_few


def test_what_is_measured_by_default_takes_enough_probes() -> None:
    told = parser().parse_args(["freshness", "events"])
    assert told.seconds * STEPS_LONG * told.probes >= ENOUGH_PROBES
    assert SCENARIOS["quick"].seconds * told.probes >= ENOUGH_PROBES


def test_several_stages_are_a_line_each_with_what_broke(tmp_path: Path) -> None:
    limits = [Limit("freshness.p99_ms", "max", 5.0), Limit("freshness.failed", "max", 0.0)]
    stages = [stage_of(f"{part} % of peak", part, measured_of(300), limits) for part in (50, 90)]
    console = Console(record=True, width=200, file=StringIO())
    summary(document("Freshness", datetime.now(UTC), {}, stages), tmp_path, console)
    half, most = [line for line in console.export_text().splitlines() if "% of peak" in line]
    assert "freshness.p99_ms: 8, max 5" in half
    assert "90 % of peak" in most
    assert "freshness.failed" not in half
