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


Row = list[bytes | None]
"""The values of keys that share a slot, as they were at one moment."""


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

    async def get(self, rows: Sequence[Sequence[bytes]]) -> list[Row | Refused]:
        """The values of each row's keys, which share a slot, or why they are not known. Raises RedisGone."""
        by_link: dict[Link | None, _Replies] = {}
        order = []
        for names in rows:
            link = self.to(names[0])
            replies = by_link.get(link)
            if replies is None:
                replies = by_link[link] = _Replies()
            order.append((replies, replies.expect(names, link)))
        for link in by_link:
            if link is not None:
                link.flush()
        await asyncio.gather(*(replies.are_whole for replies in by_link.values()))
        return [replies.rows[place] for replies, place in order]

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


class _Replies:
    """What is read over one link, whose replies come in order."""

    def __init__(self) -> None:
        self.rows: list[Row | Refused] = []
        self.are_whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected = 0

    def expect(self, names: Sequence[bytes], link: Link | None) -> int:
        """Ask for one row more; its place among the rows."""
        self._expected += 1
        if link is None:
            self.refused("nobody is known to hold these keys")
        else:
            link.ask_together(names, self)
        return self._expected - 1

    def told(self, value: Row) -> None:
        self._note(value)

    def refused(self, error: str) -> None:
        self._note(Refused(error))

    def missed(self) -> None:
        if not self.are_whole.done():
            self.are_whole.set_exception(RedisGone("the connection was lost"))

    def _note(self, row: Row | Refused) -> None:
        self.rows.append(row)
        if len(self.rows) == self._expected and not self.are_whole.done():
            self.are_whole.set_result(None)


def _connection_of(redis: RedisClient) -> AbstractConnection:
    assert isinstance(redis, Redis)
    connection: AbstractConnection = redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def _connection_to(node: ClusterNode) -> AbstractConnection:
    return node.connection_class(**node.connection_kwargs)
