"""A whole replay of a file: what it sends, what it prints, and with what code it ends."""

import asyncio
import gzip
import io
from pathlib import Path

import pytest
from rich.console import Console

from services.replay import run
from services.replay.pacing import Pacer
from services.replay.run import Outcome, Target, play, replay
from services.replay.source import RecordedLog, simulated
from tests.replay.stand_in import StandIn, collector

HEADER = "visitor_id,session_id,ts,event,category_id,ts_kind"
MIDNIGHT_MS = 1430611200000


def recorded(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def view(user: int, second: int) -> str:
    return f"{user},1,2015-05-03T00:00:{second:02}Z,view,7,x"


async def run_replay(
    stand_in: StandIn, log: RecordedLog, *, rebase_to_ms: int | None = None, api: bool = False
) -> tuple[int, str]:
    screen = io.StringIO()
    target = Target(stand_in.url, stand_in.url if api else None)
    code = await asyncio.to_thread(replay, log, target, rebase_to_ms=rebase_to_ms, console=Console(file=screen))
    return code, screen.getvalue()


async def test_ends_with_a_summary_that_names_bad_rows(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", view(1, 0), "rubbish", view(2, 1), view(1, 2))
    async with collector() as stand_in:
        code, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"))
    assert code == 0
    assert [event["ts"] - MIDNIGHT_MS for event in stand_in.events if event["user_id"] == "1"] == [0, 2000]
    assert printed.startswith("3 events of 2 users in ")
    assert "3 accepted, 0 rejected, 1 bad rows\n  line 3: expected 6 columns, found 1\n" in printed
    assert "error" not in printed


async def test_more_than_ten_bad_rows_are_summed_up(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", view(1, 0), *["rubbish"] * 12)
    async with collector() as stand_in:
        _, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"))
    assert printed.count(": expected 6 columns") == 10
    assert "and 2 more bad rows" in printed


async def test_limit_and_rebase_go_by_the_rows_that_are_sent(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", *(view(1, second) for second in range(9)))
    async with collector() as stand_in:
        code, _ = await run_replay(stand_in, RecordedLog(path, "retailrocket", limit=3), rebase_to_ms=9_000_000)
    assert code == 0
    assert [event["ts"] for event in stand_in.events] == [8_998_000, 8_999_000, 9_000_000]


async def test_one_time_that_is_far_ahead_moves_no_other(tmp_path: Path) -> None:
    ahead = view(9, 0).replace("2015", "2100")
    path = recorded(tmp_path / "log", view(1, 0), ahead, view(2, 5))
    async with collector() as stand_in:
        _, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"), rebase_to_ms=9_000_000)
    assert [event["ts"] for event in stand_in.events if event["user_id"] != "9"] == [8_995_000, 9_000_000]
    assert "log: times ahead of now, which do not count as its latest: 1\n" in printed


async def test_a_file_cut_off_is_sent_as_far_as_it_goes_and_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    packed = gzip.compress("\n".join([HEADER, *(view(user, user % 60) for user in range(9_000))]).encode())
    path.write_bytes(packed[: len(packed) // 2])
    async with collector() as stand_in:
        code, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"), rebase_to_ms=9_000_000)
    assert code == 1
    assert len(stand_in.events) > 2_000
    assert f"{len(stand_in.events):,} accepted" in printed
    assert "error: " in printed
    assert "gzip data is cut off or damaged" in printed


async def test_where_nothing_can_be_read_the_code_is_not_zero(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("colour,size\n")
    empty = recorded(tmp_path / "empty")
    async with collector() as stand_in:
        for log, reason in [
            (RecordedLog(other, "retailrocket"), "error: {}: expected a header with the columns visitor_id, ts, event"),
            (RecordedLog(tmp_path / "gone", "retailrocket"), "error: {}: No such file"),
            (RecordedLog(tmp_path, "retailrocket"), "error: {}: Is a directory"),
            (RecordedLog(other, "csv"), "error: {}: no format 'csv'; there are globo_news, rees46"),
            (RecordedLog(empty, "retailrocket"), "error: no events were found"),
        ]:
            code, printed = await run_replay(stand_in, log)
            assert code == 1
            assert reason.format(log.path) in printed
    assert stand_in.events == []


async def test_a_collector_that_is_not_there_ends_it_with_an_error(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", view(1, 0))
    async with collector() as stand_in:
        stand_in.url += "/elsewhere"
        code, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"))
    assert code == 1
    assert "error: " in printed
    assert "is this the collector's address?" in printed


async def test_with_an_api_it_ends_only_when_everything_is_applied(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", view(1, 0))
    async with collector() as stand_in:
        stand_in.status = {"partitions": [{"partition": 0, "end": 9, "watermark": 4}]}
        replaying = asyncio.create_task(run_replay(stand_in, RecordedLog(path, "retailrocket"), api=True))
        await asyncio.sleep(1)
        assert len(stand_in.events) == 1
        assert not replaying.done()
        stand_in.status = {"partitions": [{"partition": 0, "end": 9, "watermark": 9}]}
        code, _ = await asyncio.wait_for(replaying, 5)
    assert code == 0


async def test_workers_that_stand_still_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "APPLY_PATIENCE_S", 0.5)
    path = recorded(tmp_path / "log", view(1, 0))
    async with collector() as stand_in:
        stand_in.status = {"partitions": [{"partition": 0, "end": 9, "watermark": 4}]}
        code, printed = await run_replay(stand_in, RecordedLog(path, "retailrocket"), api=True)
    assert code == 1
    assert "the workers made no progress" in printed


async def test_the_simulation_is_played_like_a_recording_and_named_as_what_it_is() -> None:
    outcome, screen = Outcome(), io.StringIO()
    source = simulated(MIDNIGHT_MS, visitors=50, days=5)
    async with collector() as stand_in:
        await play(source, Target(stand_in.url), outcome, Console(file=screen), Pacer())
    assert source.name == "simulation"
    assert outcome.exit_code == 0
    assert outcome.counts.accepted == len(stand_in.events) > 100
    fraction = source.fraction_done()
    assert fraction is not None
    assert 0.9 < fraction <= 1
