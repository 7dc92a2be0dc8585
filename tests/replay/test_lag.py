"""Reading how far the workers are behind, and waiting for them."""

from collections.abc import Iterator

import httpx

from services.replay.lag import ReadLag, status_lag, wait_until_applied
from tests.replay.stand_in import address, bound_socket, collector


def told(lags: Iterator[int | None]) -> ReadLag:
    async def read() -> int | None:
        return next(lags)

    return read


async def test_the_lag_is_the_sum_over_the_partitions() -> None:
    async with collector() as stand_in, httpx.AsyncClient(trust_env=False) as client:
        stand_in.status = {"partitions": [{"end": 10, "watermark": 4}, {"end": 3, "watermark": 3}], "more": 1}
        assert await status_lag(client, stand_in.url + "/")() == 6
        for strange in (None, {}, {"partitions": [{"end": 1}]}, {"partitions": 5}):
            stand_in.status = strange
            assert await status_lag(client, stand_in.url)() is None
        assert await status_lag(client, stand_in.url + "/elsewhere")() is None


async def test_without_an_api_the_lag_is_not_known() -> None:
    with bound_socket() as sock:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert await status_lag(client, address(sock))() is None


async def test_workers_that_get_on_are_waited_for_however_long_it_takes() -> None:
    lags = iter([9, None, *range(8, -1, -1)])
    assert await wait_until_applied(told(lags), patience_s=0.7)


async def test_workers_that_stand_still_are_not() -> None:
    lags = iter([9, 8, *[8] * 100])
    assert not await wait_until_applied(told(lags), patience_s=0.5)
