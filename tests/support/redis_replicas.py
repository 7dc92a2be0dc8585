"""A Redis primary whose replica runs behind it, and one address that moves to the replica when the primary is lost.

That is how a failover looks to clients where Sentinel or a host's own service moves a virtual address: what the
replica had not received yet is gone, although it had been answered for.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.local_stack.child_process import holds_within
from tests.support.proxy import Proxy
from tests.support.redis_nodes import RedisNode, redis_node

PATIENCE_S = 30.0


class Replicated:
    """A primary and a replica of it. Every failover makes a new pair of the survivor and a server that is empty."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._started = 0
        self.primary = self._start()
        self.front = stack.enter_context(Proxy(self.primary.port))
        """Where clients reach whichever is the primary."""
        self._follow()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.front.port}"

    def fall_behind(self) -> None:
        """From now on the replica receives nothing."""
        self.line.stall()

    def fail_over(self) -> int:
        """Kill the primary and promote the replica; the number of bytes of what was written that are lost."""
        with self.primary.client() as old, self.replica.client() as new:
            written = int(old.info("replication")["master_repl_offset"])
            self.primary.kill()
            self.line.cut()
            new.replicaof("NO", "ONE")
            lost = written - int(new.info("replication")["master_repl_offset"])
        self.primary = self.replica
        self.front.retarget(self.primary.port)
        return lost

    def replace(self) -> None:
        """Give the primary a new replica, which has all of its data when this returns."""
        self._follow()

    def _follow(self) -> None:
        self.line = self._stack.enter_context(Proxy(self.primary.port))
        self.replica = self._start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.line.port)
            caught_up = holds_within(PATIENCE_S, lambda: client.info("replication")["master_link_status"] == "up")
        assert caught_up, self.replica.log_path.read_text()

    def _start(self) -> RedisNode:
        self._started += 1
        return self._stack.enter_context(redis_node(self._folder / f"redis-{self._started}"))


@contextmanager
def replicated_redis(folder: Path) -> Iterator[Replicated]:
    with ExitStack() as stack:
        yield Replicated(stack, folder)
