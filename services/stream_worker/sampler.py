"""Tells the log of samples what models are to learn of the users of a batch, beside the worker's loop.

The law: it keeps no batch waiting and fails none. What there is no room for, and what the log does not take, is lost
and counted: models learn from parts anyway.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice

from services.runtime.errors import OperatorError
from services.runtime.event_log.port import LogWriter, Message
from services.runtime.metrics import WorkerMetrics
from services.segmentation.catalog import Catalog
from services.stream_worker.sampling import Drawn, Rules, Sampling
from services.stream_worker.write import Write

MAX_WAITING = 10_000
"""Messages of about a kilobyte that may wait for the log."""
MESSAGES_AT_ONCE = 250
"""The embedded log appends them with one script, for which lookups wait."""
REST_S = 0.5
CLOSE_S = 1.0

_log = logging.getLogger(__name__)


class Sampler:
    def __init__(
        self,
        open_writer: Callable[[], Awaitable[LogWriter]],
        rules: Rules,
        level: Callable[[], int],
        metrics: WorkerMetrics,
    ) -> None:
        """The writer is opened when there is something to write; `level` tells how much samples are thinned."""
        self._open_writer, self._rules, self._level, self._metrics = open_writer, rules, level, metrics
        self._sampling = Sampling(Catalog(), rules)
        self._waiting: deque[Message] = deque()
        self._writer: LogWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._failing: str | None = None
        self._stumbled: set[str] = set()
        """What was logged of that sampling failed with."""

    def take(self, writes: Iterable[Write], catalog: Catalog) -> None:
        """Of users whose new states are stored."""
        if not catalog.registry.models or not self._follows(catalog):
            return
        drawn = [each for each in (self._draw(write) for write in writes) if each]
        self._metrics.samples_thinned.inc(sum(each.thinned for each in drawn))
        self._offer([message for each in drawn for message in each.messages])

    async def close(self) -> None:
        """Waits for a moment at most for what waits to be appended."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=CLOSE_S)
            self._task.cancel()
        if self._writer is not None:
            await self._writer.close()

    def _follows(self, catalog: Catalog) -> bool:
        """Whether it goes by this catalog now."""
        if catalog is self._sampling.catalog:
            return True
        try:
            before, self._sampling = self._sampling, Sampling(catalog, self._rules)
        except Exception as error:
            self._stumble(error)
            return False
        if self._sampling.unfit != before.unfit:
            _log.warning("models that nobody can be sampled for: %s", self._sampling.unfit or "none any more")
        return True

    def _draw(self, write: Write) -> Drawn | None:
        try:
            return self._sampling.draw(write.member, write.before, write.state, self._level())
        except Exception as error:
            self._stumble(error)
            return None

    def _stumble(self, error: Exception) -> None:
        name = type(error).__name__  # its text may tell of users
        if name not in self._stumbled:
            _log.error("users that cannot be sampled: %s", name)
        self._stumbled.add(name)
        self._metrics.samples_lost.inc()

    def _offer(self, messages: Sequence[Message]) -> None:
        taken = messages[: max(0, MAX_WAITING - len(self._waiting))]
        self._waiting.extend(taken)
        self._metrics.samples_lost.inc(len(messages) - len(taken))
        if taken and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._append())

    async def _append(self) -> None:
        while some := [*islice(self._waiting, MESSAGES_AT_ONCE)]:
            failure = await self._try(some)
            for _ in some:
                self._waiting.popleft()
            (self._metrics.samples_lost if failure else self._metrics.samples_sent).inc(len(some))
            self._tell(failure)
            if failure:
                await asyncio.sleep(REST_S)

    async def _try(self, messages: Sequence[Message]) -> str | None:
        """What went wrong, if anything; some may be in the log all the same."""
        try:
            if self._writer is None:
                self._writer = await self._open_writer()
            await self._writer.append(messages)
        except OperatorError as error:
            return str(error)
        except Exception as error:
            return type(error).__name__
        return None

    def _tell(self, failing: str | None) -> None:
        if failing != self._failing:
            _log.warning("samples %s", f"are lost: {failing}" if failing else "are taken again")
        self._failing = failing
