"""How a repair takes a partition out of the hands of its worker, who may be at work or a zombie.

The law: whatever a repair changes, it gives the partition a turn that nobody knows of. What was worked out from an
earlier one is refused by the script that writes, and the worker reads the watermark anew.
"""

import secrets
from importlib.resources import files
from typing import NamedTuple

from services.runtime.clock import Clock
from services.runtime.errors import OperatorError
from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.wheel import Wheel
from services.segmentation.wire import keys
from services.segmentation.wire.sizes import decode_turn, encode_turn
from services.stream_worker.turn_name import TurnName


class TakenMeanwhile(OperatorError):
    """Something else wrote to the partition while it was being repaired."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} was written to meanwhile: look again with `tranche repair status`")


class Hold(NamedTuple):
    """A partition as it was read: whoever writes then has to have seen it so."""

    partition: int
    stored: bytes | None
    turn: bytes | None


class Fence:
    """All calls raise REDIS_ERRORS."""

    def __init__(self, redis: RedisClient, now_ms: Clock) -> None:
        self._redis, self._now_ms = redis, now_ms
        self._script = redis.register_script(files(__package__).joinpath("lua/take.lua").read_text())

    async def read(self, partition: int) -> Hold:
        stored, turn = await get_many(self._redis, [keys.watermark(partition), keys.turn(partition)])
        return Hold(partition, stored, turn)

    async def set_watermark(self, hold: Hold, watermark: str, *, new_counts: bool = False) -> Hold:
        """Replace the watermark. Raises TakenMeanwhile.

        The counts go on as they are kept, unless `new_counts` says that there are none any more.
        """
        turn = self._next_turn(hold.turn, new_counts=new_counts)
        names = [keys.watermark(hold.partition), keys.turn(hold.partition), keys.refreshed(hold.partition)]
        before = hold.stored if hold.stored is not None else b"0"
        if not await self._script(keys=names, args=[before, hold.turn or b"", watermark, turn]):
            raise TakenMeanwhile(hold.partition)
        return Hold(hold.partition, watermark.encode(), turn.encode())

    def _next_turn(self, turn: bytes | None, *, new_counts: bool) -> str:
        now_ms = self._now_ms()
        then_ms, wheel = decode_turn(turn) if turn and not new_counts else (now_ms, Wheel.at(now_ms))
        before = TurnName() if new_counts else TurnName.decode(turn)
        return encode_turn(before._replace(unique=f"{secrets.token_hex(8)}-0").encode(), then_ms, wheel)
