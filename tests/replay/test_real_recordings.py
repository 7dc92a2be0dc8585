"""The readers over the recorded logs of real sites, where those are at hand."""

from collections import Counter
from itertools import islice

import pytest

from services.replay.reader import BadRow, Row, open_recording
from services.replay.readers import readers
from services.segmentation.events import MAX_TS_MS, read_event
from tests.replay.real_sets import real_set
from tests.replay.recorded_rows import event_ids, read_file


def kind(row: Row | BadRow) -> str:
    return row["type"] if isinstance(row, dict) else row.reason


class TestRealRecordings:
    @pytest.mark.parametrize(
        ("name", "file"),
        [("globo_news", "clicks.csv.gz"), ("rees46", "events.csv.gz"), ("retailrocket", "events.csv.gz")],
    )
    def test_the_first_rows_are_all_valid_events(self, name: str, file: str) -> None:
        with open_recording(real_set(f"{name}/{file}")) as recording:
            rows = list(islice(recording.rows(readers()[name]), 20_000))
            fraction = recording.fraction_read()
        assert len(rows) > 17_000
        assert all(read_event(row, arrived_ms=MAX_TS_MS) for row in rows)
        assert fraction is not None
        assert 0 < fraction <= 1

    def test_exact_duplicates_of_the_shop_log_count_once(self) -> None:
        rows = read_file("rees46", real_set("rees46/events.csv.gz"))
        assert len(rows) == 17_435
        assert len(set(event_ids(rows))) == 17_430

    def test_no_row_of_the_cart_log_is_lost(self) -> None:
        rows = read_file("retailrocket", real_set("retailrocket/events.csv.gz"))
        types = [row["type"] for row in rows if isinstance(row, dict)]
        counts = [types.count(each) for each in ("product_view", "add_to_cart", "purchase")]
        assert counts == [41_603, 27_708, 5_208]
        assert len(set(event_ids(rows))) == 74_519

    @pytest.mark.parametrize(
        ("name", "file", "events", "distinct", "users"),
        [
            ("yoochoose", "clicks.csv.gz", {"product_view": 83_846}, 83_845, 21_210),
            ("cdnow", "cdnow_master.csv.gz", {"purchase": 69_659}, 69_404, 23_570),
            ("ipinyou", "season2_imp_20130606_07.csv.gz", {"ad_impression": 20_000}, 20_000, 16_985),
            ("webtrack", "visits.csv.gz", {"page_view": 49_612}, 49_590, 5),
            ("zozo", "impressions_40k.csv.gz", {"ad_impression": 40_000, "ad_click": 207}, 40_207, 40_000),
        ],
    )
    def test_every_row_is_an_event_and_rows_that_are_alike_count_once(
        self, name: str, file: str, events: dict[str, int], distinct: int, users: int
    ) -> None:
        rows = read_file(name, real_set(f"{name}/{file}"))
        assert Counter(map(kind, rows)) == events
        assert all(read_event(row, arrived_ms=MAX_TS_MS) for row in rows[:20_000])
        assert len(set(event_ids(rows))) == distinct
        assert len({row["user_id"] for row in rows if isinstance(row, dict)}) == users

    def test_no_dollar_that_the_music_shop_took_is_lost(self) -> None:
        rows = read_file("cdnow", real_set("cdnow/cdnow_master.csv.gz"))
        dollars = sum(row["properties"]["value"] for row in rows if isinstance(row, dict))
        assert round(dollars, 2) == 2_500_315.63

    def test_invoice_lines_are_lost_only_where_nobody_is_named(self) -> None:
        with open_recording(real_set("online_retail/online_retail.csv.gz")) as recording:
            rows = list(islice(recording.rows(readers()["online_retail"]), 100_000))
        assert Counter(map(kind, rows)) == {"purchase": 63_314, "refund": 1_771, "no user's id": 34_915}
        assert all(read_event(row, arrived_ms=MAX_TS_MS) for row in rows if isinstance(row, dict))
