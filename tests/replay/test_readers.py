"""What holds for every format: ids of events, what a bad row costs, what a file that is no recording does."""

import gzip
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import Format
from services.replay.reader import BadRow, BrokenRecording, Row, WrongFormat, open_recording
from services.replay.readers import readers
from services.replay.source import RecordedLog
from services.segmentation.events import MAX_AHEAD_MS, MAX_TS_MS, read_event
from tests.replay.recorded_rows import GOOD, HEADERS, RETAILROCKET, event_ids, read, read_file, read_rows


def test_the_help_names_every_format() -> None:
    (told,) = [each for each in get_args(Format) if hasattr(each, "help")]
    assert [name for name in readers() if name not in told.help] == []


class TestEventIds:
    def test_the_same_row_is_the_same_event_and_another_row_another(self) -> None:
        for name in HEADERS:
            again, other = GOOD[name], "9" + GOOD[name] if name != "rees46" else GOOD[name] + "9"
            first, second, third = event_ids(read_rows(name, GOOD[name], again, other))
            assert first == second != third

    def test_they_do_not_depend_on_compression_or_line_ends(self, tmp_path: Path) -> None:
        text = f"{RETAILROCKET}\n{GOOD['retailrocket']}\n"
        plain, packed, windows = (tmp_path / name for name in ("plain", "packed", "windows"))
        plain.write_bytes(text.encode())
        packed.write_bytes(gzip.compress(text.encode()))
        windows.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        ids = [event_ids(read_file("retailrocket", path)) for path in (plain, packed, windows)]
        assert len(ids[0]) == 1
        assert ids[0] == ids[1] == ids[2]


class TestBadRows:
    @pytest.mark.parametrize(
        ("name", "line", "reason"),
        [
            ("globo_news", "154,150", "expected 12 columns, found 2"),
            ("globo_news", GOOD["globo_news"] + ",7", "expected 12 columns, found 13"),
            ("globo_news", ",150,2,96663,1506826804207,4,3,2,1,25,7,209.0", "no user's id"),
            ("globo_news", "a@b.c,150,2,96663,1506826804207,4,3,2,1,25,7,209.0", "the user's id is not 1 to 128"),
            ("globo_news", "154,150,2,,1506826804207,4,3,2,1,25,7,209.0", "click_article_id: empty"),
            ("globo_news", "154,150,2,96663,soon,4,3,2,1,25,7,209.0", "click_timestamp: expected milliseconds"),
            ("globo_news", "154,150,2,96663,-5,4,3,2,1,25,7,209.0", "click_timestamp: expected milliseconds"),
            ("globo_news", f"154,150,2,96663,{MAX_TS_MS + 1},4,3,2,1,25,7,209.0", "click_timestamp: expected"),
            ("globo_news", "154,150,2,96663,١٥٠٦,4,3,2,1,25,7,209.0", "click_timestamp: expected"),
            ("rees46", "2019-13-01 00:00:01 UTC,view,17,20,,,1,519,", "event_time: expected a date and time"),
            ("rees46", "2019-10-01 00:00:01,view,17,20,,,1,519,", "event_time: expected a date and time"),
            ("rees46", "1969-10-01 00:00:01 UTC,view,17,20,,,1,519,", "event_time: expected a date and time"),
            ("rees46", "2019-10-01 00:00:01 UTC,stare,17,20,,,1,519,", "event_type: expected one of view, cart"),
            ("rees46", "2019-10-01 00:00:01 UTC,view,,20,,,1,519,", "product_id: empty"),
            ("rees46", "2019-10-01 00:00:01 UTC,view,17,20,,,cheap,519,", "price: expected a number, found 'cheap'"),
            ("rees46", "2019-10-01 00:00:01 UTC,view,17,20,,,nan,519,", "price: expected a number"),
            ("retailrocket", "1,1_1,2015-05-03,view,1,x", "ts: expected a date and time"),
            ("retailrocket", "1,1_1,2015-05-03T03:00:29Z,,1,x", "event: expected one of view, addtocart"),
            ("yoochoose", "1,,1396860669.277,test", "item_id: empty"),
            ("yoochoose", "1,2,,test", "time: expected seconds since 1970, found ''"),
            ("yoochoose", "1,2,-1,test", "time: expected seconds since 1970, found '-1'"),
            ("yoochoose", "1,2,2014-04-07,test", "time: expected a number"),
            ("yoochoose", f"1,2,{MAX_TS_MS // 1000 - 7199},test", "time: expected seconds since 1970"),
            ("online_retail", GOOD["online_retail"].replace("12583", ""), "no user's id"),
            (
                "online_retail",
                GOOD["online_retail"].replace("24", "-24"),
                "Quantity: expected more than 0, found '-24'",
            ),
            ("online_retail", GOOD["online_retail"].replace("24", ""), "Quantity: expected more than 0, found ''"),
            ("online_retail", "C" + GOOD["online_retail"], "Quantity: expected less than 0 of a cancellation"),
            ("online_retail", GOOD["online_retail"].replace("3.75", "-3.75"), "UnitPrice: expected 0 or more"),
            ("online_retail", GOOD["online_retail"].replace("22728", ""), "StockCode: empty"),
            ("online_retail", GOOD["online_retail"].replace("536370", ""), "InvoiceNo: empty"),
            ("online_retail", GOOD["online_retail"].replace("12-01", "13-01"), "InvoiceDate: expected a date and time"),
            ("cdnow", "2,1997-02-29,5,77.0", "date: expected a date and time"),
            ("cdnow", "2,1997-01-12,five,77.0", "number_of_cds: expected a number"),
            ("cdnow", "2,1997-01-12,5,$77", "dollar_value: expected a number"),
            ("ipinyou", GOOD["ipinyou"].replace(",1,VhTV", ",2,VhTV"), "log_type: expected one of 1; found '2'"),
            ("ipinyou", GOOD["ipinyou"].replace("VhTV", ""), "no user's id"),
            ("ipinyou", GOOD["ipinyou"].replace("20130606", "20131306"), "timestamp: expected a date and time"),
            ("ipinyou", GOOD["ipinyou"].replace("207", "free"), "paying_price: expected a number"),
            ("webtrack", GOOD["webtrack"].replace("https://mail.example.com/ppfo", ""), "url: empty"),
            ("webtrack", GOOD["webtrack"].replace("14:46", "24:46"), "timestamp: expected a date and time"),
            ("webtrack", GOOD["webtrack"].replace("WOPG", "a@b.c"), "the user's id is not 1 to 128"),
            ("tranche", "{", "not JSON"),
            ("tranche", "[1]", "expected an event object"),
            ("tranche", '{"user_id": "u", "type": "x"}', "event_id: "),
            ("tranche", '{"event_id": "e", "user_id": "u", "type": "x", "extra": 1}', "extra: "),
            ("tranche", '{"event_id": "e", "user_id": "a@b.c", "type": "x"}', "user_id: looks like an e-mail"),
            (
                "tranche",
                '{"event_id": "e", "user_id": "u", "type": "x", "properties": ' + '{"a":' * 400 + "1" + "}" * 401,
                "nested too deeply",
            ),
            (
                "tranche",
                '{"event_id": "e", "user_id": "u", "type": "x", "consent": ' + '{"a":' * 400 + "1" + "}" * 401,
                "nested too deeply",
            ),
        ],
    )
    def test_are_reported_with_line_and_reason_and_the_rest_is_read(self, name: str, line: str, reason: str) -> None:
        before, bad, after = read_rows(name, GOOD[name], line, GOOD[name])
        assert before == after
        assert isinstance(before, dict)
        assert isinstance(bad, BadRow)
        assert bad.line == (2 if name == "tranche" else 3)
        assert reason in bad.reason
        assert "a@b.c" not in bad.reason

    @pytest.mark.parametrize("name", sorted(HEADERS))
    def test_a_stray_quote_costs_one_row(self, name: str) -> None:
        rows = read_rows(name, '"' + GOOD[name], GOOD[name], GOOD[name])
        assert [type(row) for row in rows] == [BadRow, dict, dict]

    @pytest.mark.parametrize(
        ("name", "spoilt", "reason"),
        [
            ("globo_news", b"209.0", "not UTF-8"),
            ("rees46", b"velt", "not UTF-8"),
            ("retailrocket", b"1130", "not UTF-8"),
            ("yoochoose", b"test", "not UTF-8"),
            ("online_retail", b"CLOCK", "not UTF-8"),
            ("cdnow", b"77.0", "dollar_value: expected a number"),
            ("ipinyou", b"3427", "not UTF-8"),
            ("webtrack", b"mail", "not UTF-8"),
            ("tranche", b'"e1"', "not JSON"),
        ],
    )
    def test_bytes_that_are_not_utf_8_cost_one_row(self, name: str, spoilt: bytes, reason: str, tmp_path: Path) -> None:
        path = tmp_path / "log"
        good = GOOD[name].encode()
        header = [HEADERS[name].encode()] if name in HEADERS else []
        path.write_bytes(b"\n".join([*header, good.replace(spoilt, spoilt[:1] + b"\xff" + spoilt[1:]), good]))
        bad, row = read_file(name, path)
        assert isinstance(row, dict)
        assert isinstance(bad, BadRow)
        assert reason in bad.reason

    def test_blank_lines_are_nothing_but_they_count(self) -> None:
        rows = read_rows("retailrocket", "", GOOD["retailrocket"], "", "x")
        assert [type(row) for row in rows] == [dict, BadRow]
        assert isinstance(rows[1], BadRow)
        assert rows[1].line == 5

    @pytest.mark.parametrize("name", sorted(GOOD))
    @given(st.data())
    def test_whatever_a_line_holds_it_is_a_valid_event_or_a_bad_row(self, name: str, data: st.DataObject) -> None:
        good = GOOD[name].split(",")
        fields = st.one_of(st.text(max_size=6), st.sampled_from(good))
        spoilt = st.dictionaries(st.integers(0, len(good) - 1), fields, max_size=2)
        lines = spoilt.map(lambda changed: ",".join(changed.get(place, field) for place, field in enumerate(good)))
        line = data.draw(st.one_of(lines, st.text(max_size=80)))
        for row in read_rows(name, line):
            if isinstance(row, dict):
                read_event(row, arrived_ms=MAX_TS_MS)


class TestFilesThatAreNoRecording:
    @pytest.mark.parametrize("name", sorted(HEADERS))
    def test_another_header_is_refused_with_what_was_expected_and_found(self, name: str) -> None:
        with pytest.raises(WrongFormat, match=r"expected a header with the columns .*; found 'colour,size'"):
            read(name, "colour,size\nred,4\n")

    @pytest.mark.parametrize("name", sorted(HEADERS))
    def test_an_empty_file_is_refused(self, name: str) -> None:
        with pytest.raises(WrongFormat, match="found an empty file"):
            read(name, "")

    def test_an_empty_file_of_our_own_events_holds_none(self) -> None:
        assert read("tranche", "") == []

    @pytest.mark.parametrize("damage", ["cut off", "flipped", "followed by rubbish"])
    def test_damaged_gzip_is_an_error_after_the_good_rows(self, damage: str, tmp_path: Path) -> None:
        lines = [f"{user},1,2015-05-03T03:00:29Z,view,{user % 7},x" for user in range(20_000)]
        packed = gzip.compress("\n".join([RETAILROCKET, *lines]).encode())
        path = tmp_path / "log.gz"
        path.write_bytes(
            {
                "cut off": packed[: len(packed) // 2],
                "flipped": packed[:-6] + bytes([packed[-6] ^ 255]) + packed[-5:],
                "followed by rubbish": packed + b"rubbish",
            }[damage]
        )
        rows: list[Row | BadRow] = []
        with open_recording(path) as recording, pytest.raises(BrokenRecording, match=r"log\.gz: the gzip data"):
            rows.extend(recording.rows(readers()["retailrocket"]))
        good = [row["user_id"] for row in rows if isinstance(row, dict)]
        assert len(good) == len(rows)
        assert good == [str(user) for user in range(len(good))]
        assert len(good) > (5_000 if damage == "cut off" else 19_000)

    def test_times_are_shifted_by_the_latest_wherever_it_stands(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        rows = [f"1,1,2015-05-0{day}T00:00:00Z,view,1,x" for day in (3, 5, 4)]
        path.write_text("\n".join([RETAILROCKET, *rows, "garbage"]))
        now_ms = 1430900000000
        assert RecordedLog(path, "retailrocket").shift(1430784000007, now_ms) == (7, 0)
        assert RecordedLog(path, "retailrocket", limit=1).shift(1430611200009, now_ms) == (9, 0)

    def test_what_is_ahead_of_now_decides_nothing_unless_all_is(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        rows = [f"1,1,{day}T00:00:00Z,view,1,x" for day in ("2100-01-01", "2015-05-03", "2015-05-05", "2100-01-02")]
        path.write_text("\n".join([RETAILROCKET, *rows]))
        log, latest_ms = RecordedLog(path, "retailrocket"), 1430784000000
        assert log.shift(latest_ms + 7, latest_ms) == (7, 2)
        assert log.shift(latest_ms + 7, latest_ms - MAX_AHEAD_MS) == (7, 2)
        assert log.shift(latest_ms + 7, latest_ms - MAX_AHEAD_MS - 1) == (2 * 86_400_000 + 7, 3)
        assert log.shift(latest_ms + 7, 0) == (latest_ms + 7 - 4102531200000, 0)
        path.write_text(RETAILROCKET)
        assert log.shift(7, 0) == (0, 0)
