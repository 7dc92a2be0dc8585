"""redis-py as workers use it, with the simulated network in place of its connections."""

from copy import copy
from functools import lru_cache
from random import Random
from typing import Any, Self

from redis import exceptions
from redis.asyncio import Redis

from tests.simulation.memory_redis import MemoryRedis
from tests.simulation.network import Network


class SimulatedRedis(Redis):
    """Its pool of connections is never used."""

    _network: Network
    _server: MemoryRedis

    @classmethod
    def of(cls, network: Network, server: MemoryRedis) -> Self:
        client: Self = copy(_prototype(cls))
        client._network, client._server = network, server
        return client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        command = tuple(map(_encoded, args))
        reply = await self._network.call(_told(command), lambda: self._server.run(*command), _error)
        options.pop("keys", None)  # which is for its cache, and of no concern to the callbacks
        callback = self.response_callbacks.get(args[0])
        return callback(reply, **options) if callback else reply

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """There is nothing to close."""


@lru_cache(maxsize=1)
def _prototype(cls: type[SimulatedRedis]) -> Any:
    return cls(protocol=2)  # to make one takes longer than most runs have for it


def _told(command: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Of a script only where it begins: its first key, and what comes after all of them."""
    if command[0] != b"EVALSHA":
        return command
    return command[0], command[3], *command[3 + int(command[2]) :]


def _encoded(part: object) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode()


def _error(random: Random) -> Exception:
    return random.choice((exceptions.ConnectionError, exceptions.TimeoutError))("simulated")
