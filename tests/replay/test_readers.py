"""Every format, row by row; what a bad row costs; what a file that is no recording does."""

import gzip
import io
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import Format
from services.replay.reader import BadRow, BrokenRecording, Row, WrongFormat, open_recording
from services.replay.readers import readers
from services.replay.source import RecordedLog
from services.segmentation.events import MAX_TS_MS, read_event

GLOBO = (
    "user_id,session_id,session_size,click_article_id,click_timestamp,click_environment,click_deviceGroup,"
    "click_os,click_country,click_region,click_referrer_type,category_id"
)
REES46 = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
RETAILROCKET = "visitor_id,session_id,ts,event,category_id,ts_kind"
HEADERS = {"globo_news": GLOBO, "rees46": REES46, "retailrocket": RETAILROCKET}

GOOD = {
    "globo_news": "154,150,2,96663,1506826804207,4,3,2,1,25,7,209.0",
    "rees46": "2019-10-01 00:00:01 UTC,view,17,20,furniture.living_room.sofa,velt,543.10,519,51-66",
    "retailrocket": "693516,693516_1,2015-05-03T03:00:29Z,addtocart,1130,exact_1s",
    "tranche": '{"event_id": "e1", "user_id": "u", "type": "page_view", "ts": 5}',
}


def read(format_name: str, text: str) -> list[Row | BadRow]:
    return list(readers()[format_name](io.StringIO(text)))


def read_rows(format_name: str, *lines: str) -> list[Row | BadRow]:
    header = [HEADERS[format_name]] if format_name in HEADERS else []
    return read(format_name, "\n".join([*header, *lines]) + "\n")


def read_file(format_name: str, path: Path) -> list[Row | BadRow]:
    with open_recording(path) as recording:
        return list(recording.rows(readers()[format_name]))


def without_id(row: Row | BadRow) -> Any:
    assert isinstance(row, dict)
    return {name: value for name, value in row.items() if name != "event_id"}


def event_ids(rows: list[Row | BadRow]) -> list[str]:
    return [row["event_id"] for row in rows if isinstance(row, dict)]


class TestWhatBecomesOfARow:
    def test_a_news_click_is_a_page_view_with_the_codes_as_they_are(self) -> None:
        [row] = read_rows("globo_news", GOOD["globo_news"])
        assert without_id(row) == {
            "user_id": "154",
            "type": "page_view",
            "ts": 1506826804207,
            "properties": {"category": "209", "item_id": "96663"},
            "context": {
                "device": {"type": "3", "os": "2", "environment": "web"},
                "geo": {"country": "1", "region": "25"},
                "page": {"category": "209", "referrer": "7"},
            },
        }

    def test_a_click_without_a_category_has_none(self) -> None:
        [row] = read_rows("globo_news", "154,150,2,96663,1506826804207,2,3,2,1,25,7,")
        assert isinstance(row, dict)
        assert row["properties"] == {"item_id": "96663"}
        assert row["context"]["page"] == {"referrer": "7"}
        assert row["context"]["device"]["environment"] == "app"

    def test_a_shop_view_has_item_category_brand_and_price(self) -> None:
        [row] = read_rows("rees46", GOOD["rees46"])
        assert without_id(row) == {
            "user_id": "519",
            "type": "product_view",
            "ts": 1569888001000,
            "properties": {
                "item_id": "17",
                "category": "furniture.living_room.sofa",
                "brand": "velt",
                "value": 543.1,
            },
        }

    def test_empty_shop_columns_are_left_out_and_a_price_of_zero_is_not(self) -> None:
        [row] = read_rows("rees46", "2019-10-01 00:00:01 UTC,cart,17,20,,,0.00,519,")
        assert isinstance(row, dict)
        assert (row["type"], row["properties"]) == ("add_to_cart", {"item_id": "17", "value": 0.0})

    @pytest.mark.parametrize(
        ("word", "type_"),
        [("cart", "add_to_cart"), ("remove_from_cart", "remove_from_cart"), ("purchase", "purchase")],
    )
    def test_the_shop_s_words_are_translated(self, word: str, type_: str) -> None:
        [row] = read_rows("rees46", f"2019-10-01 00:00:01 UTC,{word},17,20,,,1,519,")
        assert isinstance(row, dict)
        assert row["type"] == type_

    def test_a_cart_row_has_the_category_s_number(self) -> None:
        [row] = read_rows("retailrocket", GOOD["retailrocket"])
        assert without_id(row) == {
            "user_id": "693516",
            "type": "add_to_cart",
            "ts": 1430622029000,
            "properties": {"category": "1130"},
        }

    def test_an_event_of_our_own_stays_as_it_is_but_for_its_time_in_milliseconds(self) -> None:
        rows = read_rows(
            "tranche",
            '{"event_id": "e1", "user_id": "u", "type": "x", "ts": "1970-01-01T00:00:01.5Z", "traits": {"a": null}}',
            '{"event_id": "e2", "user_id": "u", "type": "search"}',
        )
        assert rows == [
            {"event_id": "e1", "user_id": "u", "type": "x", "ts": 1500, "traits": {"a": None}},
            {"event_id": "e2", "user_id": "u", "type": "search"},
        ]

    @pytest.mark.parametrize("consent", ['{"gpc": true}', '{"tcf": "COvF"}', '{"purposes": [1]}', "null"])
    def test_consent_is_passed_on_in_whatever_form_it_was_recorded(self, consent: str) -> None:
        [row] = read_rows("tranche", f'{{"event_id": "e", "user_id": "u", "type": "x", "consent": {consent}}}')
        assert isinstance(row, dict)
        assert row["consent"] == orjson.loads(consent)

    def test_columns_may_come_in_any_order_and_optional_ones_be_missing(self) -> None:
        [row] = read("globo_news", "extra,click_timestamp,click_article_id,user_id\nx,1506826804207,5,9\n")
        assert without_id(row) == {
            "user_id": "9",
            "type": "page_view",
            "ts": 1506826804207,
            "properties": {"item_id": "5"},
            "context": {},
        }


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

    @pytest.mark.parametrize("name", sorted(GOOD))
    def test_bytes_that_are_not_utf_8_cost_one_row(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "log"
        spoilt = {"globo_news": b"209.0", "rees46": b"velt", "retailrocket": b"1130", "tranche": b'"e1"'}[name]
        good = GOOD[name].encode()
        header = [HEADERS[name].encode()] if name in HEADERS else []
        path.write_bytes(b"\n".join([*header, good.replace(spoilt, spoilt[:1] + b"\xff" + spoilt[1:]), good]))
        bad, row = read_file(name, path)
        assert isinstance(row, dict)
        assert isinstance(bad, BadRow)
        assert "not UTF-8" in bad.reason or "not JSON" in bad.reason

    def test_blank_lines_are_nothing_but_they_count(self) -> None:
        rows = read_rows("retailrocket", "", GOOD["retailrocket"], "", "x")
        assert [type(row) for row in rows] == [dict, BadRow]
        assert isinstance(rows[1], BadRow)
        assert rows[1].line == 5

    @pytest.mark.parametrize("name", sorted(GOOD))
    @given(st.data())
    def test_whatever_a_line_holds_it_is_a_valid_event_or_a_bad_row(self, name: str, data: st.DataObject) -> None:
        fields = st.one_of(st.text(max_size=6), st.sampled_from(GOOD[name].split(",")))
        line = data.draw(st.one_of(st.lists(fields, min_size=6, max_size=12).map(",".join), st.text(max_size=80)))
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
        assert RecordedLog(path, "retailrocket").shift_ms(1430784000007) == 7
        assert RecordedLog(path, "retailrocket", limit=1).shift_ms(1430611200009) == 9
