"""The readers over the recorded logs of real sites, where those are at hand."""

from itertools import islice

import pytest

from services.replay.reader import open_recording
from services.replay.readers import readers
from services.segmentation.events import MAX_TS_MS, read_event
from tests.replay.real_sets import real_set
from tests.replay.test_readers import event_ids, read_file


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
