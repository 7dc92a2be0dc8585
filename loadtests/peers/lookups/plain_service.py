"""The lookup service that people write first: FastAPI, redis.asyncio, the user's segments as JSON, filtered by time."""

import json
import os
import time
from typing import Any

from fastapi import FastAPI
from redis.asyncio import Redis

app = FastAPI()
redis = Redis.from_url(os.environ.get("PLAIN_REDIS_URL", "redis://127.0.0.1:6379/0"))


@app.get("/v1/users/{user_id}/segments")
async def segments(user_id: str) -> dict[str, Any]:
    stored = await redis.get(f"json:{user_id}")
    now_ms = int(time.time() * 1000)
    found = [each for each in json.loads(stored or "[]") if _covers(each, now_ms)]
    return {"user_id": user_id, "known": stored is not None, "at": now_ms, "segments": found, "degraded": False}


def _covers(segment: dict[str, Any], at_ms: int) -> bool:
    until_ms = segment["until"]
    return bool(segment["since"] <= at_ms and (until_ms is None or at_ms < until_ms))
