"""`GET /v1/status`: how far each partition is, so that "everything sent is applied" can be waited for, and what is
stored there, so that two replicas or a replay can be compared."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.runtime.event_log.port import LogOffsets
from services.runtime.problems import ProblemError, problem_answer
from services.runtime.redis_client import RedisClient, get_many
from services.segment_api.digest import Digest, Digests, written
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.turns import Turns
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import applied_at_least

_DIGEST = "of the profiles stored, 32 hexadecimal digits; only with digest=true, and null where"


class PartitionStatus(BaseModel):
    partition: int
    end: int = Field(description="the offset that the next record of the log will get")
    watermark: int = Field(description="the offset of the next record to apply; everything before it is applied")
    refreshed: int = Field(description="the catalog version that every stored membership has reached")
    digest: str | None = Field(None, description=f"{_DIGEST} records were applied meanwhile")


class Status(BaseModel):
    lag: int = Field(description="records in the log that are not applied, in all partitions")
    users: int
    catalog_version: int
    refreshed: int = Field(description="the least `refreshed` of all partitions")
    digest: str | None = Field(None, description=f"{_DIGEST} it is in a partition")
    partitions: list[PartitionStatus]


def status_routes(
    offsets: LogOffsets, redis: RedisClient, store: CatalogStore, partitions: int, digests: Digests
) -> APIRouter:
    routes = APIRouter(tags=["operations"])
    turns = Turns("digests", 1, retry_after_s=10)

    @routes.get(
        "/v1/status",
        summary="How far the event log is applied",
        description="With `digest=true` all profiles are read, at a leisurely pace, and summed up in a digest: it is "
        "the same for the same profiles, whatever the order in which they were made or are stored. Where users are "
        "many, ask for one partition after the other.",
        response_model=Status,
        responses={503: problem_answer("Redis or the event log cannot be reached, or another digest is being made.")},
    )
    async def status(
        request: Request,
        digest: Annotated[bool, Query(description="whether to read and sum up all profiles")] = False,
        partition: Annotated[int | None, Query(ge=0, description="tell of this partition alone")] = None,
    ) -> Response:
        numbers = _numbers(partition, partitions)
        content: dict[str, Any] = {"catalog_version": (await store.read()).version}
        if digest:
            with turns.one():
                found = await _digests(digests, numbers, request)
            content |= _with_digests(await _progress(offsets, redis, numbers), found)
        else:
            content |= await _progress(offsets, redis, numbers)
        return Response(orjson.dumps(content), media_type="application/json")

    return routes


def _numbers(partition: int | None, partitions: int) -> Sequence[int]:
    if partition is None:
        return range(partitions)
    if partition >= partitions:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"partition: there are {partitions}, counted from 0")
    return [partition]


async def _digests(digests: Digests, numbers: Sequence[int], request: Request) -> Mapping[int, Digest | None]:
    """By partition; of none any more where nobody waits for them any more."""
    return {number: None if await request.is_disconnected() else await digests.of(number) for number in numbers}


async def _progress(offsets: LogOffsets, redis: RedisClient, numbers: Sequence[int]) -> dict[str, Any]:
    stored = await get_many(redis, [keys.watermark(number) for number in numbers])
    watermarks = [applied_at_least(each) for each in stored]
    ends = await offsets.ends()  # after the watermarks: the other way round, lag could be missed
    refreshed = await _integers(redis, [keys.refreshed(number) for number in numbers])
    users = await asyncio.gather(*(redis.zcard(keys.users(number)) for number in numbers))
    rows = [
        {"partition": number, "end": ends.get(number, 0), "watermark": watermark, "refreshed": version}
        for number, watermark, version in zip(numbers, watermarks, refreshed, strict=True)
    ]
    lag = sum(max(0, row["end"] - row["watermark"]) for row in rows)
    return {"lag": lag, "users": sum(users), "refreshed": min(refreshed), "partitions": rows}


def _with_digests(progress: dict[str, Any], digests: Mapping[int, Digest | None]) -> dict[str, Any]:
    """What is told of a partition is all of one moment: no digest where the watermark has moved since."""
    rows = progress["partitions"]
    found = [(digests[row["partition"]], row["watermark"]) for row in rows]
    valid = [digest if digest is not None and digest.watermark == watermark else None for digest, watermark in found]
    told = [{**row, "digest": written([digest])} for row, digest in zip(rows, valid, strict=True)]
    return {**progress, "digest": written(valid), "partitions": told}


async def _integers(redis: RedisClient, names: list[str]) -> list[int]:
    return [int(value or 0) for value in await get_many(redis, names)]
