"""`tranche repair …` as an operator types it: refuses where nothing is wrong, asks, acts, and tells."""

import asyncio

import pytest
import redis
from typer.testing import CliRunner, Result

from services.commands.repair import app
from services.segmentation.wire import keys
from services.stream_worker.repair.commands import NothingWrong
from tests.repair.scene import BROKEN, WHOLE, Repairs
from tests.stream_worker.scene import PARTITIONS
from tests.stream_worker.states import redis_at


class Operator:
    """At a terminal, beside a log of which records are gone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._env = {"TRANCHE_REDIS_URL": url, "TRANCHE_PARTITIONS": str(PARTITIONS), "COLUMNS": "200"}

    def types(self, line: str, answer: str = "", **env: str) -> Result:
        return CliRunner().invoke(app, line.split(), input=answer, env=self._env | env)

    @property
    def watermark(self) -> int:
        with redis.Redis.from_url(self._url) as client:
            return int(client.get(keys.watermark(BROKEN)))


@pytest.fixture
def operator(clean_redis_url: str) -> Operator:
    async def begin() -> None:
        async with redis_at(clean_redis_url) as client:
            await Repairs(client).begin()

    asyncio.run(begin())
    return Operator(clean_redis_url)


def test_the_status_shows_every_partition_and_the_choices_for_those_that_are_wrong(operator: Operator) -> None:
    shown = operator.types("status")
    watermark = operator.watermark
    assert shown.exit_code == 1
    [broken, whole] = [line.split() for line in shown.stdout.splitlines() if line.startswith(("│ ", "| "))]
    assert (broken[1], broken[3], whole[1]) == (str(BROKEN), str(watermark), str(WHOLE))
    assert f"records {watermark} to {2 * watermark - 1} are gone: the log begins at {2 * watermark}" in shown.stdout
    assert "`tranche repair skip 0` accepts the loss" in shown.stdout
    assert "`tranche repair rebuild 1`" not in shown.stdout


@pytest.mark.parametrize("repair", ["skip", "rebuild"])
def test_each_refuses_where_nothing_is_wrong_and_does_nothing_without_a_yes(operator: Operator, repair: str) -> None:
    before = operator.watermark
    assert isinstance(operator.types(f"{repair} {WHOLE} --yes").exception, NothingWrong)
    assert "there is no partition 2" in str(operator.types(f"{repair} 2 --yes").exception)
    asked = operator.types(f"{repair} {BROKEN}", "n\n")
    assert (asked.exit_code, operator.watermark) == (1, before)
    assert "are gone" in asked.stdout
    done = operator.types(f"{repair} {BROKEN}", "y\n")
    assert (done.exit_code, operator.watermark) == (0, 2 * before)
    assert f"Partition 0: its worker goes on at {2 * before} within seconds." in done.stdout
    assert isinstance(operator.types(f"{repair} {BROKEN} --yes").exception, NothingWrong)
    assert operator.types(f"{repair} {BROKEN} --yes --force").exit_code == 0
    assert operator.types("status").exit_code == 0


def test_a_redis_that_is_not_the_products_is_refused(operator: Operator, clean_redis_url: str) -> None:
    assert "the stored state has 2 partitions" in str(operator.types("status", TRANCHE_PARTITIONS="3").exception)
    with redis.Redis.from_url(clean_redis_url) as client:
        client.flushall()
    assert "no worker has ever stored anything" in str(operator.types("skip 0 --yes").exception)
