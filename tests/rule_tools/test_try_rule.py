"""`tranche rules try` shows when a rule is true of recorded users."""

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from rich.console import Console

from services.rule_tools.events_file import UnreadableFile
from services.rule_tools.try_rule import TryOptions, try_rule
from services.runtime.errors import OperatorError
from services.runtime.settings import DEFAULT_KEEP
from tests.rules_reference.reference import reference

NOON_MS = 1_795_003_200_000  # 2026-11-18 12:00 UTC
HOUR_MS = 3_600_000
Try = Callable[..., tuple[int, str]]


def event(number: int, hours: float | None, user: str = "u-1", event_type: str = "purchase", **more: Any) -> bytes:
    """An event some hours after noon; None: without a time."""
    ts = {} if hours is None else {"ts": NOON_MS + round(hours * HOUR_MS)}
    return orjson.dumps({"event_id": f"e{number}", "user_id": user, "type": event_type, **ts, **more})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    lines = [event(1, -3), event(2, -1, "u-2", "page_view"), event(3, -2, "u-3"), event(4, 0, "u-3"), b""]
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.fixture
def tried(file: Path) -> Try:
    """Tries a rule on the file at noon; named arguments are options."""

    def run(rule: str, **options: Any) -> tuple[int, str]:
        console = Console(file=io.StringIO(), width=100)
        chosen = replace(TryOptions(rule, file, DEFAULT_KEEP, "UTC"), **options)
        code = try_rule(chosen, NOON_MS, console)
        assert isinstance(console.file, io.StringIO)
        return code, console.file.getvalue()

    return run


def users(tried: Try, rule: str, **options: Any) -> dict[str, Any]:
    """The JSON of each user by id."""
    code, printed = tried(rule, as_json=True, **options)
    assert code == 0
    return {user["user_id"]: user for user in orjson.loads(printed)["users"]}


def test_the_documentation_shows_what_is_printed(tried: Try, tmp_path: Path) -> None:
    blocks = reference().blocks
    (shown,) = [block for block in blocks if "rules try" in block.text]
    events = blocks[blocks.index(shown) - 1]
    command, _, expected = shown.text.partition("\n")
    (tmp_path / "told.ndjson").write_text(events.text)
    code, printed = tried(command.split("'")[1], events=tmp_path / "told.ndjson")
    assert code == 0
    assert printed.splitlines() == expected.splitlines()


def test_those_who_are_in_come_first_then_those_who_were(tried: Try) -> None:
    _, printed = tried('since("purchase") < "150m"')
    assert "1 of 3 users are in at Wed 18 Nov 2026 12:00:00.000 (UTC); 2 were before" in printed
    assert printed.index("u-3") < printed.index("u-1") < printed.index("u-2")


def test_json_tells_the_past_and_the_future_in_milliseconds(tried: Try) -> None:
    found = users(tried, 'since("purchase") < "150m"')
    assert found["u-1"] == {
        "user_id": "u-1",
        "space": "default",
        "events": 1,
        "in": False,
        "past": [{"since": NOON_MS - 3 * HOUR_MS, "until": NOON_MS - HOUR_MS // 2}],
        "future": [],
        "told_until": None,
    }
    assert found["u-3"]["past"] == [{"since": NOON_MS - 2 * HOUR_MS, "until": NOON_MS}]
    assert found["u-3"]["future"] == [{"since": NOON_MS, "until": NOON_MS + 5 * HOUR_MS // 2}]


def test_one_user_can_be_chosen(tried: Try) -> None:
    assert list(users(tried, 'count("purchase") >= 1', user_id="u-2")) == ["u-2"]
    with pytest.raises(OperatorError, match="no event of user u-9"):
        tried('count("purchase") >= 1', user_id="u-9")


@pytest.mark.parametrize("at", [str(NOON_MS - 90 * 60_000), "2026-11-18T10:30:00Z", "2026-11-18T11:30:00+01:00"])
def test_the_present_can_be_another_and_nothing_later_is_known(tried: Try, at: str) -> None:
    found = users(tried, 'count("purchase", within="3h") >= 1', at=at)
    assert list(found) == ["u-1", "u-3"]
    assert found["u-3"]["events"] == 1
    assert found["u-3"]["future"] == [{"since": NOON_MS - 90 * 60_000, "until": NOON_MS + HOUR_MS}]


def test_now_is_now_and_without_it_the_latest_event_is(tried: Try, file: Path) -> None:
    file.write_bytes(event(1, -50))
    assert users(tried, 'since("purchase") < "1d"')["u-1"]["in"]
    assert not users(tried, 'since("purchase") < "1d"', at="now")["u-1"]["in"]


def test_an_event_without_a_time_happens_now(tried: Try, file: Path) -> None:
    file.write_bytes(event(1, None))
    assert users(tried, 'since("purchase") < "1h"')["u-1"]["future"] == [{"since": NOON_MS, "until": NOON_MS + HOUR_MS}]


def test_requests_and_zones_are_those_that_are_given(tried: Try) -> None:
    rule = 'request("device.type") == "mobile" and request("hour") == 13 and count("purchase", within="today") >= 1'
    options = {"request": ["device.type=mobile"], "user_id": "u-1"}
    assert not users(tried, rule, **options)["u-1"]["in"]
    assert users(tried, rule, zone="Europe/Paris", **options)["u-1"]["in"]
    assert users(tried, rule, time_zones="Europe/Paris shop-us=America/New_York", **options)["u-1"]["in"]
    assert not users(tried, rule, zone="Europe/Paris", user_id="u-1")["u-1"]["in"]
    assert "Wed 18 Nov 2026 13:00:00.000 (Europe/Paris)" in tried(rule, zone="Europe/Paris", **options)[1]


def test_a_rule_may_name_the_segments_of_a_file(tried: Try, tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text('segments: {buyers: {name: Buyers, rule: count("purchase") >= 2}}')
    assert users(tried, 'segment("buyers")', segments=path)["u-3"]["in"]
    code, printed = tried('segment("buyer")', segments=path)
    assert code == 1
    assert "did you mean buyers?" in printed


def test_list_entries_are_read_as_the_log_carries_them(tried: Try, file: Path) -> None:
    entry = {"event_id": "l", "user_id": "u-2", "list": "vip", "listed": True, "ts": NOON_MS, "until": NOON_MS + 5}
    file.write_bytes(file.read_bytes() + orjson.dumps(entry))
    assert users(tried, 'listed("vip")')["u-2"]["future"] == [{"since": NOON_MS, "until": NOON_MS + 5}]


def test_gzipped_files_and_standard_input_are_read(tried: Try, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = 'count("purchase") >= 1'
    expected = users(tried, rule)
    packed = gzip.compress(file.read_bytes())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(packed))))
    assert users(tried, rule, events=Path("-")) == expected
    file.write_bytes(packed)
    assert users(tried, rule) == expected
    file.write_bytes(packed[:-9])
    with pytest.raises(UnreadableFile, match="cut off"):
        tried(rule)


def test_a_missing_file_is_refused(tried: Try, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"missing\.ndjson: No such file"):
        tried('count("purchase") >= 1', events=tmp_path / "missing.ndjson")


def test_a_rule_that_asks_the_clock_is_told_of_for_a_week(tried: Try) -> None:
    _, printed = tried('request("hour") == 25 or request("weekday") > 9')
    assert "not in, and stays so for a week if nothing else happens" in printed
    assert "… told for a week" in printed


def test_lines_that_hold_no_event_are_left_out_and_told_of(
    tried: Try, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_bytes() + b'{"type": "View"}\n[1]\nnonsense\n' + event(9, 0, consent={"tcf": "C"}))
    assert users(tried, 'count("purchase") >= 1')["u-1"]["events"] == 2
    assert capsys.readouterr().err.startswith("left out, for they hold no event: 3 lines; line 5: event_id:")


def test_a_wrong_rule_is_shown_with_its_place(tried: Try) -> None:
    code, printed = tried('count("purchase") >= "1"')
    assert code == 1
    assert printed.splitlines()[:2] == ['  count("purchase") >= "1"', " " * 23 + "^^^"]


@pytest.mark.parametrize(
    "option",
    [{"at": "yesterday"}, {"at": "9" * 20}, {"zone": "Mars/Crater"}, {"request": ["device.type"]}, {"request": ["=x"]}],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_refused(tried: Try, option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(OperatorError, match=f"--{name}"):
        tried('count("purchase") >= 1', **option)


def test_of_many_users_the_first_twenty_are_shown_and_the_rest_counted(tried: Try, file: Path) -> None:
    file.write_bytes(b"\n".join(event(number, 0, f"u-{number}") for number in range(25)))
    _, printed = tried('count("purchase") >= 1')
    assert printed.count("rule is true") == 20
    assert "5 more users" in printed


def test_of_many_spans_the_latest_are_shown_and_the_rest_counted(tried: Try, file: Path) -> None:
    file.write_bytes(b"\n".join(event(number, number) for number in range(30)))
    _, printed = tried('since("purchase") < "1m"')
    assert printed.count("was in") == 19
    assert "and 10 times before" in printed
