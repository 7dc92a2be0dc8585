"""The report: nothing beside itself is needed to read it, and JSON and page tell the same."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests.load.control.errors import CannotRun
from loadtests.load.measured.measured import LagSample, Measured
from loadtests.load.measured.tally import Tallies
from loadtests.load.measured.thresholds import THRESHOLDS_FILE, Verdict, applicable, read_thresholds
from loadtests.load.report.document import Document, concluded, document, stage_of
from loadtests.load.report.scales import linear, logarithmic
from loadtests.load.report.writing import read_report, write_report

BEGUN = datetime(2026, 11, 22, tzinfo=UTC)


def measured(seconds: int, outcome: str = "known") -> Measured:
    found = Measured(seconds=float(seconds), lag=[LagSample(1.0, 5, 0, 5), LagSample(3.0, 0, 0, 0)])
    for second in range(-2, seconds):
        for kind, good in (("lookup", outcome), ("freshness", "visible")):
            tally = found.tallies.at(second, kind)
            tally.due = tally.served = 3
            tally.outcomes[good] = 3
            for took_us in (900, 1_500, 2_000 + second):
                tally.latency.record_us(took_us)
                tally.late.record_us(90)
    found.hear("generator 0", {"tallies": [], "cpu_s": 1.0, "up_s": 10.0, "unsent": 0, "waiting": 2})
    return found


def told(seconds: int = 10, outcome: str = "known") -> Document:
    limits = [each for each in read_thresholds(THRESHOLDS_FILE) if each.figure.split(".")[0] in {"lookup", "freshness"}]
    stage = stage_of("lookups", 3.0, measured(seconds, outcome), limits)
    return document("Load test: lookups", BEGUN, {"api": "http://127.0.0.1:8080", "rate": 3.0}, [stage])


def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


def test_the_page_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    write_report(told(), tmp_path)
    assert not re.search(r"""(src|href)\s*=|@import|url\(|<script|<link""", page(tmp_path))


def test_the_page_shows_the_verdict_the_figures_and_a_chart_of_each_thing(tmp_path: Path) -> None:
    write_report(told(), tmp_path)
    text = page(tmp_path)
    assert "OK: every threshold holds" in text
    for title in ("Lookups: offered and served", "Lookups: time from", "Freshness", "Worker lag", "own lateness"):
        assert title in text
    assert text.count("<svg") == 5
    assert "lookup.p99_ms" in text


def test_the_json_tells_what_a_pipeline_asks_for(tmp_path: Path) -> None:
    write_report(told(outcome="timeout"), tmp_path)
    read = json.loads((tmp_path / "report.json").read_text())
    stage = read["stages"][0]
    assert (read["verdict"], stage["verdict"]) == ("broken", "broken")
    assert stage["figures"]["lookup.errors"] == 1
    broken = [each["figure"] for each in stage["thresholds"] if each["verdict"] == "broken"]
    assert broken == ["lookup.errors"]
    assert [each["at_s"] for each in stage["series"]["lookup"]] == list(range(-2, 10))


def test_an_invalid_run_has_a_verdict_on_nothing_but_its_generator(tmp_path: Path) -> None:
    found = measured(10, "timeout")
    for second in range(10):
        for _ in range(9):
            found.tallies.at(second, "lookup").late.record_us(50_000)
    limits = applicable(read_thresholds(THRESHOLDS_FILE), {"batch": False, "event": False, "lag": False})
    write_report(document("x", BEGUN, {}, [stage_of("lookups", 3.0, found, limits)]), tmp_path)
    told = read_report(tmp_path)
    verdicts = {each["figure"].split(".")[0]: each["verdict"] for each in told["stages"][0]["thresholds"]}
    assert told["verdict"] == "invalid"
    assert (verdicts["lookup"], verdicts["freshness"]) == ("invalid", "invalid")
    assert "THE LOAD GENERATOR WAS THE BOTTLENECK" in page(tmp_path)
    assert "lookup.errors is" not in page(tmp_path)


def test_a_long_run_is_drawn_in_as_many_points_as_there_is_room_for_and_loses_nothing() -> None:
    stage = told(seconds=3_600)["stages"][0]
    series = stage["series"]["lookup"]
    assert 200 < len(series) <= 242
    width = series[1]["at_s"] - series[0]["at_s"]
    assert sum(each["offered_per_s"] * width for each in series) == pytest.approx(3 * 3_602)


def test_a_page_can_be_made_anew_from_the_json(tmp_path: Path) -> None:
    write_report(told(), tmp_path)
    before = page(tmp_path)
    (tmp_path / "report.html").unlink()
    write_report(read_report(tmp_path), tmp_path)
    assert page(tmp_path) == before


def test_what_others_named_cannot_become_markup(tmp_path: Path) -> None:
    document = concluded(told(), Verdict.OK, "<script>", ["<script>alert(1)</script>"])
    document["options"]["api"] = "http://x/<script>"
    write_report(document, tmp_path)
    assert "<script" not in page(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 0}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(CannotRun, match="report"):
        read_report(tmp_path)


@pytest.mark.parametrize(("least", "most"), [(0, 1e-9), (0, 0.3), (-5, 45), (0, 3_600), (0, 1_000_000), (0, 999)])
def test_a_scale_has_round_steps_that_hold_all(least: float, most: float) -> None:
    scale = linear(least, most)
    assert 2 <= len(scale.ticks) <= 12
    assert scale.place(least) == 0
    assert scale.place(most) <= 1.0001
    assert all(0 <= scale.place(tick) <= 1.0001 for tick in scale.ticks)


def test_a_logarithmic_scale_has_whole_decades() -> None:
    scale = logarithmic(0.4, 230)
    assert scale.ticks == [0.1, 1, 10, 100, 1000]
    assert scale.place(10) == pytest.approx(0.5)
    assert scale.place(0.001) == 0


def test_a_day_takes_no_more_memory_than_an_hour_and_loses_nothing() -> None:
    found = Measured.of_seconds(86_400)
    found.seconds = 86_400.0
    for second in range(-60, 86_400, 12):
        tallies = Tallies()
        tallies.at(second, "lookup").due = 12
        found.hear("generator 0", {"tallies": tallies.as_json()})
    assert len(found.tallies.by_second) <= 1_202
    assert found.tallies.total("lookup").due == 86_400  # the warm-up is no part of it
    series = document("x", BEGUN, {}, [stage_of("soak", 1.0, found, [])])["stages"][0]["series"]["lookup"]
    assert len(series) <= 242
    assert {each["offered_per_s"] for each in series if each["at_s"] >= 0} == {1.0}
