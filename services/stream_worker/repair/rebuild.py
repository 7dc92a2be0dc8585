"""`tranche repair rebuild`: forget what is stored of a partition's users, and fold what the log still holds.

The law: meanwhile the watermark is a mark, at which workers stop. Whoever runs the command again after it was killed
replaces the mark by another one and goes on; what still runs under the old mark is refused. Consent and erasure are
never forgotten, nor is anything of the logs that Redis holds.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from services.runtime.event_log.port import LogOffsets
from services.runtime.redis_client import RedisClient
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import encode_repair
from services.stream_worker.repair.fence import Fence, TakenMeanwhile

NAME = "rebuild"
CHUNK = 500
"""Keys that one script forgets: a millisecond or so."""

FORGET = files(__package__).joinpath("lua/forget.lua")

_SCANNED = 1_000
_WHOLE = ("users", "spaces", "sizes", "refreshed", "refreshing", "told", "due")
_FAMILIES = ("s:", "m:", "sizes:", "moments:")


async def rebuild(
    redis: RedisClient, fence: Fence, offsets: LogOffsets, partition: int, forgotten: Callable[[int], None]
) -> int:
    """Returns the new watermark; tells how many keys are `forgotten` after each chunk.

    Raises TakenMeanwhile, LogUnavailable and REDIS_ERRORS: whatever it was, running it again goes on.
    """
    hold = await fence.read(partition)
    mark = encode_repair(NAME, secrets.token_hex(8))
    hold = await fence.set_watermark(hold, mark, new_counts=True)
    forget = redis.register_script(FORGET.read_text())
    async for chunk in _chunks(redis, partition):
        if not await forget(keys=[keys.watermark(partition), *chunk], args=[mark]):
            raise TakenMeanwhile(partition)
        forgotten(len(chunk))
    begin = (await offsets.begins())[partition]  # only now: forgetting takes time, and the log's retention goes on
    await fence.set_watermark(hold, str(begin), new_counts=True)
    return begin


async def _chunks(redis: RedisClient, partition: int) -> AsyncIterator[list[bytes]]:
    """All keys that are to be forgotten; the index of users is not relied on, since it may be what is lost."""
    tag = keys.watermark(partition).removesuffix("wm")
    where: dict[str, Any] = {} if isinstance(redis, Redis) else {"target_nodes": redis.get_node_from_key(tag)}
    chunk: list[bytes] = []
    async for name in redis.scan_iter(match=f"{tag}*", count=_SCANNED, **where):
        if _is_forgotten(name.decode(errors="replace").removeprefix(tag)):
            chunk.append(name)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _is_forgotten(name: str) -> bool:
    return name in _WHOLE or name.startswith(_FAMILIES)
