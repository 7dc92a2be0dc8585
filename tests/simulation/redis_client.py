"""redis-py as workers use it, with the simulated network in place of its connections."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from copy import copy
from functools import lru_cache
from hashlib import sha1
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
    _known_scripts: bool
    _callbacks: dict[str, Callable[..., Any]]

    @classmethod
    def of(cls, network: Network, server: MemoryRedis, *, known_scripts: bool = False) -> Self:
        """With `known_scripts` the server knows a script as soon as the client does, as if it had been run before."""
        client: Self = copy(_prototype(cls))
        client._network, client._server, client._known_scripts = network, server, known_scripts
        return client

    def execute_command(self, *args: Any, **options: Any) -> Any:  # one that can be awaited
        command = tuple([part if type(part) is bytes else str(part).encode() for part in args])
        reply = self._network.call(_told(command), lambda: self._server.run(*command), _error)
        callback = self._callbacks.get(args[0])
        return _called_back(reply, callback, options) if callback else reply

    def register_script(self, script: str) -> "SimulatedScript":  # type: ignore[override]
        if self._known_scripts:
            self._server.run(b"SCRIPT LOAD", script.encode())
        return SimulatedScript(self, script)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """There is nothing to close."""

    def __del__(self, *_: object) -> None:
        """There is nothing that could be left open."""


class SimulatedScript:
    """One of redis-py's, without what only pipelines take."""

    def __init__(self, client: SimulatedRedis, text: str) -> None:
        self._client, self._text, self._name = client, text.encode(), _name_of(text)

    async def __call__(self, keys: Sequence[Any] = (), args: Iterable[Any] = ()) -> Any:
        run = "EVALSHA", self._name, len(keys), *keys, *args
        try:
            return await self._client.execute_command(*run)
        except exceptions.NoScriptError:
            await self._client.execute_command("SCRIPT LOAD", self._text)
            return await self._client.execute_command(*run)


async def _called_back(reply: Awaitable[Any], callback: Callable[..., Any], options: dict[str, Any]) -> Any:
    options.pop("keys", None)  # which is for redis-py's cache, and of no concern to the callbacks
    return callback(await reply, **options)


@lru_cache(maxsize=1)
def _prototype(cls: type[SimulatedRedis]) -> Any:
    made = cls(protocol=2)  # to make one takes longer than most runs have for it
    made._callbacks = {str(name): callback for name, callback in made.response_callbacks.items()}
    return made


@lru_cache(maxsize=16)
def _name_of(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def _told(command: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Of a script only where it begins: its first key, and what comes after all of them."""
    if command[0] != b"EVALSHA":
        return command
    return command[0], command[3], *command[3 + int(command[2]) :]


def _error(random: Random) -> Exception:
    return random.choice((exceptions.ConnectionError, exceptions.TimeoutError))("simulated")
