"""What becomes of a row of each format."""

import orjson
import pytest

from services.replay.reader import Row
from services.segmentation.events import date_time_ms as ms
from tests.replay.recorded_rows import GOOD, IPINYOU_ROW, csv_text, read, read_rows, without_id


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

    def test_a_session_s_click_is_a_product_view_two_hours_later_than_its_seconds_say(self) -> None:
        [row] = read_rows("yoochoose", GOOD["yoochoose"])
        assert without_id(row) == {
            "user_id": "1",
            "type": "product_view",
            "ts": ms("2014-04-07T10:51:09.277Z"),
            "properties": {"item_id": "214536502"},
        }

    def test_seconds_may_have_fewer_decimals(self) -> None:
        rows = read_rows("yoochoose", "1,2,1396314191.6,test", "1,2,1396314191,test")
        assert [row["ts"] % 1000 for row in rows if isinstance(row, dict)] == [600, 0]

    def test_an_invoice_line_is_a_purchase_of_its_price_times_its_quantity(self) -> None:
        [row] = read_rows("online_retail", GOOD["online_retail"])
        assert without_id(row) == {
            "user_id": "12583",
            "type": "purchase",
            "ts": ms("2010-12-01T08:45:00Z"),
            "properties": {"item_id": "22728", "order_id": "536370", "quantity": 24, "value": 90.0, "currency": "GBP"},
            "context": {"geo": {"country": "France"}},
        }

    def test_a_line_of_a_cancellation_is_a_refund_of_a_positive_amount(self) -> None:
        [row] = read_rows("online_retail", "C536383,35004C,DUCKS,-3,2010-12-01T09:49:00.000000,4.65,15311,Unspecified")
        assert isinstance(row, dict)
        assert (row["type"], row["context"]) == ("refund", {})
        assert row["properties"]["quantity"] == 3
        assert row["properties"]["value"] == 13.95  # 3 * 4.65 is not: amounts are free of binary dust

    def test_a_gift_on_an_invoice_is_a_purchase_of_value_0(self) -> None:
        [row] = read_rows("online_retail", GOOD["online_retail"].replace("3.75", "0.0"))
        assert isinstance(row, dict)
        assert (row["type"], row["properties"]["value"]) == ("purchase", 0)

    @pytest.mark.parametrize(
        ("wall", "utc"),
        [
            ("2011-03-25T12:00:00", "2011-03-25T12:00:00Z"),
            ("2011-03-28T12:00:00", "2011-03-28T11:00:00Z"),
            ("2011-10-28T12:00:00", "2011-10-28T11:00:00Z"),
            ("2011-10-31T12:00:00", "2011-10-31T12:00:00Z"),
            ("2011-03-28T12:00:00+02:00", "2011-03-28T10:00:00Z"),
        ],
    )
    def test_invoices_are_timed_by_london_s_clock_unless_they_name_another(self, wall: str, utc: str) -> None:
        [row] = read_rows("online_retail", f"1,2,x,1,{wall},1,3,France")
        assert isinstance(row, dict)
        assert row["ts"] == ms(utc)

    def test_an_order_of_discs_is_a_purchase_at_the_beginning_of_its_day(self) -> None:
        [row] = read_rows("cdnow", GOOD["cdnow"])
        assert without_id(row) == {
            "user_id": "2",
            "type": "purchase",
            "ts": ms("1997-01-12T00:00:00Z"),
            "properties": {"quantity": 5, "value": 77.0, "currency": "USD"},
        }

    def test_an_impression_has_its_cost_in_yuan_its_tags_and_no_address(self) -> None:
        [row] = read_rows("ipinyou", GOOD["ipinyou"])
        assert without_id(row) == {
            "user_id": "VhTV",
            "type": "ad_impression",
            "ts": ms("2013-06-05T16:01:04.192Z"),
            "properties": {
                "item_id": "23d6",
                "campaign": "3427",
                "channel": "2",
                "value": 0.00207,
                "currency": "CNY",
                "user_tags": ["10063", "10110"],
            },
            "context": {
                "device": {"type": "desktop", "os": "Windows"},
                "geo": {"region": "106", "city": "117"},
                "page": {"url": "8c97", "domain": "lsxS"},
            },
        }

    def test_an_impression_has_nothing_that_is_not_known(self) -> None:
        bare = {"user_agent": "docer", "region_id": "0", "city_id": "0"}
        [row] = read(
            "ipinyou", csv_text({"timestamp": "20130606000104192", "log_type": "1", "ipinyou_id": "V", **bare})
        )
        assert isinstance(row, dict)
        assert (row["properties"], row["context"]) == ({}, {})

    @pytest.mark.parametrize(
        ("user_agent", "device"),
        [
            ("Mozilla/5.0 (iPad; U; CPU OS 4_3_3 like Mac OS X; en-us)", {"type": "tablet", "os": "iOS"}),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 6_1_3 like Mac OS X)", {"type": "mobile", "os": "iOS"}),
            ("Mozilla/5.0 (Linux; U; Android 4.0.3; zh-cn; M032)", {"type": "mobile", "os": "Android"}),
            ("Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0)", {"type": "mobile", "os": "Windows Phone"}),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7_5)", {"type": "desktop", "os": "macOS"}),
            ("Mozilla/5.0 (X11; Linux x86_64)", {"type": "desktop", "os": "Linux"}),
        ],
    )
    def test_the_sort_of_device_is_read_from_the_user_agent(self, user_agent: str, device: Row) -> None:
        [row] = read("ipinyou", csv_text(IPINYOU_ROW | {"user_agent": user_agent}))
        assert isinstance(row, dict)
        assert row["context"]["device"] == device

    def test_a_panelist_s_visit_is_a_page_view_in_the_category_of_its_host(self) -> None:
        [row] = read_rows("webtrack", GOOD["webtrack"])
        assert without_id(row) == {
            "user_id": "WOPG",
            "type": "page_view",
            "ts": ms("2019-02-27T14:46:14.463Z"),
            "properties": {"category": "mail.example.com"},
            "context": {
                "device": {"type": "mobile"},
                "page": {"url": "https://mail.example.com/ppfo", "category": "mail.example.com"},
            },
        }

    def test_a_visit_to_a_local_file_has_no_category(self) -> None:
        [row] = read_rows("webtrack", "WOPG,1,2019-02-27T14:46:14.463,file:///ferr,desktop")
        assert isinstance(row, dict)
        assert (row["properties"], row["context"]["page"]) == ({}, {"url": "file:///ferr"})

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


class TestAnImpressionOfNobodyInParticular:
    def test_it_is_a_visitor_of_its_own_with_what_the_shop_knew(self) -> None:
        [row] = read_rows("zozo", GOOD["zozo"])
        assert isinstance(row, dict)
        assert row["user_id"] == row["event_id"]
        assert without_id(row) == {
            "user_id": row["event_id"],
            "type": "ad_impression",
            "ts": ms("2019-11-24T00:01:03.979Z"),
            "properties": {"item_id": "13", "campaign": "men", "position": "2", "policy": "bts"},
            "traits": {"feature_0": "cef3", "feature_1": "2d03"},
        }

    def test_a_click_comes_after_it(self) -> None:
        shown, clicked = read_rows("zozo", GOOD["zozo"].replace(",13,2,0,", ",13,2,1,"))
        assert isinstance(shown, dict)
        assert isinstance(clicked, dict)
        assert (clicked["type"], clicked["user_id"]) == ("ad_click", shown["user_id"])
        assert (clicked["ts"], clicked["event_id"]) == (shown["ts"] + 1, f"{shown['event_id']}-click")
        assert clicked["properties"] == shown["properties"]
