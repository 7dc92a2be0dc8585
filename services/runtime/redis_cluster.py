"""The client of a Redis Cluster: redis-py's, and what that leaves undone when nodes fail, move or join.

- A connection that holds bytes nobody asked for is not used again: each later reply would be taken for that to the
  command before, and so one user's state for another's.
- The nodes that it was given are asked beside those that it found, which may all have gone elsewhere meanwhile.
- A redirect for a slot that is on its way reaches the node also where that has no slot yet, and in one piece: the node
  serves only the command that follows the announcement on the same connection.
- A slot that has moved is remembered as such, and no connection is closed for it.
- A script goes to the node that lacks it, and to no other, which might be away.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

_DEFAULT_PORT = 6379


def cluster_client(url: str, **options: Any) -> RedisCluster:
    """Of the cluster that the hosts in `url` belong to, with commas between them. Raises ValueError."""
    parts = urlsplit(url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    first, *others = hosts.split(",")
    one = urlunsplit(parts._replace(netloc=f"{credentials}{at}{first}"))
    return _Client.from_url(one, startup_nodes=_nodes(others), reinitialize_steps=0, **options)


def connect_by(cluster: RedisCluster, kind: type[Connection]) -> None:
    """Have every node that is known by now or found later make connections of this kind."""
    cluster.connection_kwargs["connection_class"] = kind
    for node in cluster.startup_nodes:
        node.connection_class = kind


class _Client(RedisCluster):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._asked: dict[str, _AskedNode] = {}
        connect_by(self, _clean(self.connection_kwargs["connection_class"]))

    async def initialize(self, *args: Any, **options: Any) -> "_Client":
        if self._initialize:
            await super().initialize(*args, **options)
            self.nodes_manager.startup_nodes.update((node.name, node) for node in self.startup_nodes)
        return self

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """By its name, as only redirects ask for it, the one to send single commands to."""
        if node_name is None:
            return super().get_node(host, port)
        if node_name not in self._asked:
            asked_host, _, asked_port = node_name.rpartition(":")
            self._asked[node_name] = _AskedNode(asked_host, int(asked_port), **self.connection_kwargs)
        return self._asked[node_name]

    def register_script(self, script: Any) -> Any:
        return _Script(self, script)

    async def aclose(self) -> None:
        await super().aclose()
        for node in list(self._asked.values()):
            await node.disconnect()


class _AskedNode(ClusterNode):
    """Takes the announcement together with the command that it is for."""

    async def execute_command(self, *args: Any, asking: bool = False, **options: Any) -> Any:  # noqa: ARG002 - it always is
        if args == ("ASKING",):
            return True
        connection = self.acquire_connection()
        try:
            await self.disconnect_if_needed(connection)
            await connection.send_packed_command(connection.pack_commands([("ASKING",), args]))
            await _agreed(connection)
            return await self.parse_response(connection, args[0], **options)
        finally:
            await self.disconnect_if_needed(connection)
            self.release(connection)


async def _agreed(connection: Connection) -> None:
    """Read the answer to the announcement. Where it is refused, the reply to the command is still to come, and nobody
    will read it: the connection is not used again."""
    try:
        await connection.read_response()
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


class _Script(AsyncScript):
    async def __call__(
        self, keys: Sequence[Any] | None = None, args: Iterable[Any] | None = None, client: Any = None
    ) -> Any:
        redis: Any = client or self.registered_client
        names, values = keys or [], list(args or [])
        try:
            return await redis.evalsha(self.sha, len(names), *names, *values)
        except NoScriptError:
            return await redis.eval(self.script, len(names), *names, *values)


class _Clean:
    """Drops what it holds when it is used for the next command."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        assert isinstance(self, Connection)
        if self.is_connected and await self.can_read():
            await self.disconnect(nowait=True)
        await super().send_packed_command(command, check_health)  # type: ignore[misc]


def _nodes(hosts: Sequence[str]) -> list[ClusterNode]:
    places = [urlsplit(f"//{host}") for host in hosts]
    return [ClusterNode(place.hostname or "", place.port or _DEFAULT_PORT) for place in places]


def _clean(kind: type[Connection]) -> type[Connection]:
    return type(f"Clean{kind.__name__}", (_Clean, kind), {})
