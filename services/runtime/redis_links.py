"""Links to all servers that hold keys: which key is read over which."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisGone

from services.runtime.redis_client import RedisClient
from services.runtime.redis_link import Link


class Refused(Exception):
    """A server answered a read with an error: a redirect of a cluster, say."""


Read = bytes | Refused | None


class Links:
    """A link to each server that `redis` knows, which tells where keys are and how to connect; no connection is shared.

    `lost` is told the name of a server that has gone.
    """

    def __init__(self, redis: RedisClient, timeout_s: float, lost: Callable[[str], None]) -> None:
        self._redis, self._timeout_s, self._lost = redis, timeout_s, lost
        self._links: dict[str, Link] = {}
        self._slots = Slots()

    async def connect(self) -> None:
        """To every server, so that the first read does not have to. Raises REDIS_ERRORS."""
        if isinstance(self._redis, Redis):
            nodes: list[ClusterNode | None] = [None]
        else:
            await self._redis.initialize()
            nodes = list(self._redis.get_primaries())
        await asyncio.gather(*(self._to(node).connect() for node in nodes))

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()

    async def get(self, names: Sequence[bytes]) -> list[Read]:
        """The values of keys in their order, or why one is not known. Raises RedisGone."""
        rows: dict[Link | None, _Row] = {}
        order = []
        for name in names:
            link = self.to(name)
            row = rows.get(link)
            if row is None:
                row = rows[link] = _Row()
            order.append((row, row.expect(name, link)))
        for link in rows:
            if link is not None:
                link.flush()
        await asyncio.gather(*(row.is_whole for row in rows.values()))
        return [row.values[place] for row, place in order]

    def to(self, name: bytes) -> Link | None:
        """To the server that holds a key; None where nobody is known to hold it."""
        if isinstance(self._redis, Redis):
            return self._to(None)
        nodes = self._redis.nodes_manager.slots_cache.get(self._slots.of(name))
        return self._to(nodes[0]) if nodes else None

    def _to(self, node: ClusterNode | None) -> Link:
        server = "" if node is None else str(node.name)
        link = self._links.get(server)
        if link is None:
            make = partial(_connection_of, self._redis) if node is None else partial(_connection_to, node)
            link = self._links[server] = Link(make, self._timeout_s, partial(self._lost, server))
        return link


class Slots:
    """Slots of a cluster by key. Keys that share a hash tag share their slot, and there are few tags."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def of(self, name: bytes) -> int:
        end = name.find(b"}") + 1
        if name[:1] != b"{" or not end:
            return key_slot(name)
        tag = name[:end]
        slot = self._known.get(tag)
        if slot is None:
            slot = self._known[tag] = key_slot(name)
        return slot


class _Row:
    """What is read over one link, whose replies come in order."""

    def __init__(self) -> None:
        self.values: list[Read] = []
        self.is_whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected = 0

    def expect(self, name: bytes, link: Link | None) -> int:
        """Ask for one more; its place among the values."""
        self._expected += 1
        if link is None:
            self.refused("nobody is known to hold this key")
        else:
            link.ask(name, self)
        return self._expected - 1

    def told(self, value: bytes | None) -> None:
        self._note(value)

    def refused(self, error: str) -> None:
        self._note(Refused(error))

    def missed(self) -> None:
        if not self.is_whole.done():
            self.is_whole.set_exception(RedisGone("the connection was lost"))

    def _note(self, value: Read) -> None:
        self.values.append(value)
        if len(self.values) == self._expected and not self.is_whole.done():
            self.is_whole.set_result(None)


def _connection_of(redis: RedisClient) -> AbstractConnection:
    assert isinstance(redis, Redis)
    connection: AbstractConnection = redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def _connection_to(node: ClusterNode) -> AbstractConnection:
    return node.connection_class(**node.connection_kwargs)
