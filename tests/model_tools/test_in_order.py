"""A recording's events come in order of time, whatever their order in the file, and what is none is told of."""

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model_tools.in_order import FEW, Rows, in_order
from services.replay.reader import BadRow, BrokenRecording, open_recording
from services.replay.readers import tranche
from services.segmentation.events import MAX_AHEAD_MS

NOW_MS = 2_000_000


def row(number: int, ts: Any = 1_000) -> dict[str, Any]:
    return {"event_id": f"e{number}", "user_id": "u", "type": "view", "ts": ts}


@given(moments=st.lists(st.integers(0, 20)), run=st.integers(1, 5))
def test_events_are_sorted_by_time_and_otherwise_as_in_the_file_however_few_fit_into_memory(
    moments: list[int], run: int
) -> None:
    rows, seen = [row(number, ts) for number, ts in enumerate(moments)], Rows()
    with in_order(rows, seen, NOW_MS, run) as events:
        found = [(event.ts_ms, event.event_id) for event in events]
    assert found == [(each["ts"], each["event_id"]) for each in sorted(rows, key=lambda each: each["ts"])]
    assert seen.events == len(moments)
    if moments:
        assert (seen.first_ms, seen.latest_ms) == (min(moments), max(moments))


def test_what_is_no_event_is_counted_and_the_first_few_are_told_of() -> None:
    bad: list[dict[str, Any] | BadRow] = [
        BadRow(7, "no user"),
        row(1, None),
        row(2, "yesterday"),
        {**row(3), "user_id": "a@b"},
    ]
    ahead, seen = row(4, NOW_MS + MAX_AHEAD_MS + 1), Rows()
    with in_order([*bad, row(5), ahead, *(BadRow(9, "x") for _ in range(9))], seen, NOW_MS) as events:
        assert [event.event_id for event in events] == ["e5"]
    assert (seen.events, seen.bad_rows, len(seen.complaints)) == (1, 14, FEW)
    assert seen.complaints[0] == "line 7: no user"
    assert seen.complaints[1].startswith("event 2: ts: missing")
    assert "a@b" not in " ".join(seen.complaints)
    assert seen.latest_ms == 1_000


def test_the_consent_is_not_looked_at() -> None:
    with in_order([{**row(1), "consent": {"tcf": "C…"}}], Rows(), NOW_MS) as events:
        assert [event.purposes for event in events] == [None]


def test_what_comes_before_damage_is_used(tmp_path: Path) -> None:
    lines = b"".join(b'{"event_id": "e%d", "user_id": "u", "type": "view", "ts": %d}\n' % (n, n) for n in range(20_000))
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(lines)[:-5_000])
    seen = Rows()
    with open_recording(path) as recording, in_order(recording.rows(tranche.read), seen, NOW_MS) as events:
        assert 0 < len(list(events)) < 20_000
    assert "cut off or damaged" in seen.complaints[-1]


def test_temporary_files_go_also_when_nobody_reads_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with in_order([row(number) for number in range(10)], Rows(), NOW_MS, run=2) as events:
        assert len(list(tmp_path.rglob("*.gz"))) == 5
        assert len(list(islice(events, 3))) == 3
    assert not list(tmp_path.iterdir())


def test_a_recording_that_breaks_off_is_told_of() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield row(1)
        raise BrokenRecording("cut")

    seen = Rows()
    with in_order(rows(), seen, NOW_MS) as events:
        assert len(list(events)) == 1
    assert seen.complaints == ["the rest: cut"]
