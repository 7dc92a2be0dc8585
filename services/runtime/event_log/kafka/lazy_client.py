"""When a Kafka client is started, started again and stopped. Nobody waits for brokers that are known to be gone."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from aiokafka.errors import KafkaError

from services.runtime.event_log.port import LogUnavailable

_RETRY_S = 0.5


class Client(Protocol):
    """What aiokafka's producer and consumer have in common."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


C = TypeVar("C", bound=Client)


class LazyClient(Generic[C]):
    """A client that is made and started at the first `get`.

    Only the first attempt is waited for. While the last attempt has failed, `get` refuses at once, and now and then
    begins another one behind the caller's back. `timeout_s` bounds an attempt to start, and what `close` waits.
    """

    def __init__(self, make: Callable[[], C], timeout_s: float) -> None:
        self._make, self._timeout_s = make, timeout_s
        self.current: C | None = None
        """The client while there is a started one."""
        self._attempt: asyncio.Task[None] | None = None
        self._failure: str | None = None
        self._retry_at_s = 0.0
        self._stopping: set[asyncio.Task[None]] = set()

    async def get(self) -> C:
        """The started client. Raises LogUnavailable."""
        if self.current is None and self._attempt is None and time.monotonic() >= self._retry_at_s:
            self._attempt = asyncio.create_task(self._start())
        if self._attempt is not None and self._failure is None:
            await asyncio.wait([self._attempt])
        if self.current is None:
            raise LogUnavailable(f"Kafka cannot be reached: {self._failure}")
        return self.current

    def drop(self, client: C) -> None:
        """Have a new client made in place of `client`, which is stopped behind the caller's back."""
        if self.current is client:
            self.current = None
            self._retire(client)

    async def close(self, patience_s: float | None = None) -> None:
        """Stop everything. What has not after `patience_s`, or `timeout_s`, is left to end with the process."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
        if self.current is not None:
            self.drop(self.current)
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=self._timeout_s if patience_s is None else patience_s)
        for task in self._stopping:
            task.cancel()

    async def _start(self) -> None:
        client: C | None = None
        try:
            client = self._make()  # it may read files, and they may be away for a moment
            async with asyncio.timeout(self._timeout_s):
                await client.start()
            self.current, self._failure = client, None
        except (KafkaError, OSError) as error:
            self._failure = f"{type(error).__name__}: {error}"
            self._retry_at_s = time.monotonic() + _RETRY_S
        finally:
            self._attempt = None
            if client is not None and self.current is not client:
                self._retire(client)

    def _retire(self, client: C) -> None:
        task = asyncio.create_task(_stop(client))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def _stop(client: Client) -> None:
    with suppress(KafkaError, OSError):
        await client.stop()
