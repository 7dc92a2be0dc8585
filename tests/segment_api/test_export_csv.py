"""An export as CSV: rows are members, and nothing else is a row."""

import csv
from collections.abc import AsyncIterator

import httpx
import pytest

from services.segment_api.settings import ApiSettings
from tests.segment_api.crowd import store_all, tools_of
from tests.segment_api.exporting import NOW, exported, members_of, shoppers
from tests.segment_api.running import put
from tests.segment_api.stored import event

RULE = "count('purchase', within='2h') >= 1"
ODD = "count('visit', within='1d') in [1, 3, 5, 7, 9, 11]"


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """Few partitions, so that an index is large enough to be walked in pages."""
    return settings.model_copy(update={"partitions": 2})


@pytest.fixture
async def tools(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with tools_of(settings, page_users=40) as tools:
        yield tools


class TestCsv:
    async def test_a_row_is_a_member_and_a_comment_is_none(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "buyers", RULE)
        await store_all(settings, shoppers(300))
        response = await tools.get("/v1/segments/buyers/members", params={"format": "csv", "at": NOW})
        lines = await exported(tools, "buyers", at=NOW)
        expected = members_of(lines)
        assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        header, *rows = _rows(response.text)
        assert header == ["user_id", "since", "until"]
        assert rows == [[each["user_id"], str(each["since"]), str(each["until"])] for each in expected.values()]
        comments = [line for line in response.text.split("\r\n") if line.startswith("#")]
        assert comments[:-1] == [f"# next {line['next']}" for line in lines if line.get("next")]
        assert comments[-1] == f"# end members {len(expected)} unreadable 0"

    async def test_parts_can_be_put_together(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, shoppers(300))
        path = "/v1/segments/visitors/members"
        whole = (await tools.get(path, params={"format": "csv", "at": NOW})).text
        place = whole.partition("# next ")[2].partition("\r\n")[0]
        rest = (await tools.get(path, params={"format": "csv", "from": place})).text
        head = whole.partition(f"# next {place}\r\n")[0]
        assert head + f"# next {place}\r\n" + rest == whole

    async def test_no_id_is_a_formula(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        ids = ["=1+1", "-1", "+1", "a=1", "~x"]
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, {name: [event("visit", NOW, name)] for name in ids})
        text = (await tools.get("/v1/segments/visitors/members", params={"format": "csv"})).text
        _, *rows = _rows(text)
        assert {row[0] for row in rows} == {"'=1+1", "'-1", "'+1", "a=1", "~x"}
        assert {row[2] for row in rows} == {""}
        assert set(members_of(await exported(tools, "visitors"))) == set(ids)


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(line for line in text.split("\r\n") if line and not line.startswith("#")))
