"""A sample of the replayed users, looked up over HTTP as an ad server would."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class SampledUser:
    user_id: str
    at_ms: int
    segments: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Audience:
    """The sample, and the name of every segment by id."""

    users: Sequence[SampledUser]
    names: dict[str, str]

    def sizes(self) -> Counter[str]:
        """Sampled users in each segment; every segment is there."""
        counted = Counter(segment["id"] for user in self.users for segment in user.segments)
        return Counter({segment_id: counted[segment_id] for segment_id in self.names})

    def richest(self) -> SampledUser:
        """The user in most segments. Raises ValueError in an empty audience."""
        return max(self.users, key=lambda user: len(user.segments))


async def look_up_sample(api_url: str, user_ids: Sequence[str], api_key: str | None = None) -> Audience:
    """Look up at most `SAMPLE` users, always the same of the same ids. Raises httpx.HTTPError."""
    chosen = Random(1).sample(user_ids, min(SAMPLE, len(user_ids)))  # noqa: S311 - a sample, no secret
    headers = {"X-API-Key": api_key} if api_key else {}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30, trust_env=False) as client:
        listed = (await client.get("/v1/segments")).raise_for_status().json()
        answered = (await client.post("/v1/lookup", json={"user_ids": chosen})).raise_for_status().json()
    return Audience(
        [SampledUser(each["user_id"], each["at"], each["segments"]) for each in answered["results"]],
        {segment["id"]: segment["name"] for segment in listed["segments"]},
    )
