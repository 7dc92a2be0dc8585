"""`GET /v1/status`: how far each partition is, so that "everything sent is applied" can be waited for."""

import asyncio
from typing import Any

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.runtime.event_log.port import LogOffsets
from services.runtime.problems import problem_answer
from services.runtime.redis_client import RedisClient, get_many
from services.segment_api.segments.catalog_store import CatalogStore
from services.segmentation.wire import keys


class PartitionStatus(BaseModel):
    partition: int
    end: int = Field(description="the offset that the next record of the log will get")
    watermark: int = Field(description="the offset of the next record to apply; everything before it is applied")
    refreshed: int = Field(description="the catalog version that every stored membership has reached")


class Status(BaseModel):
    lag: int = Field(description="records in the log that are not applied, in all partitions")
    users: int
    catalog_version: int
    refreshed: int = Field(description="the least `refreshed` of all partitions")
    partitions: list[PartitionStatus]


def status_routes(offsets: LogOffsets, redis: RedisClient, store: CatalogStore, partitions: int) -> APIRouter:
    routes = APIRouter(
        tags=["operations"], responses={503: problem_answer("Redis or the event log cannot be reached.")}
    )

    @routes.get("/v1/status", summary="How far the event log is applied", response_model=Status)
    async def status() -> Response:
        numbers = range(partitions)
        watermarks = await _integers(redis, [keys.watermark(number) for number in numbers])
        ends = await offsets.ends()  # after the watermarks: the other way round, lag could be missed
        refreshed = await _integers(redis, [keys.refreshed(number) for number in numbers])
        users = await asyncio.gather(*(redis.zcard(keys.users(number)) for number in numbers))
        rows = [
            {"partition": number, "end": ends.get(number, 0), "watermark": watermark, "refreshed": version}
            for number, watermark, version in zip(numbers, watermarks, refreshed, strict=True)
        ]
        content: dict[str, Any] = {
            "lag": sum(max(0, row["end"] - row["watermark"]) for row in rows),
            "users": sum(users),
            "catalog_version": (await store.read()).version,
            "refreshed": min(refreshed),
            "partitions": rows,
        }
        return Response(orjson.dumps(content), media_type="application/json")

    return routes


async def _integers(redis: RedisClient, names: list[str]) -> list[int]:
    return [int(value or 0) for value in await get_many(redis, names)]
