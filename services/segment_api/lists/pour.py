"""One upload's way into the log: rows in, messages appended, what became of them counted and remembered.

The law: what is counted is in the log. Rows go in chunks, and a chunk counts once the log has all of it; so whatever
breaks an upload off, it can be resumed after the lines that were counted, and what is there twice changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.runtime.event_log.port import Message
from services.runtime.redis_client import REDIS_ERRORS
from services.runtime.watched import UnreadableValue
from services.segment_api.lists.bodies import Row
from services.segment_api.lists.entries import Common, Read, message_of
from services.segment_api.lists.pace import PacedLog
from services.segment_api.lists.store import ListStore, Upload, UploadRefused
from services.segmentation.events import InvalidEvent

CHUNK_ROWS = 100
"""Rows between two rests, in which others are served, lookups above all: one or two milliseconds of work."""
REST_S = 0.002
MAX_ERRORS = 100
NOTE_EVERY_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    error: str


@dataclass
class Outcome:
    """What became of the lines of a request, of which those up to number `lines` are done with."""

    upload: str
    lines: int
    accepted: int = 0
    rejected: int = 0
    errors: list[Reject] = field(default_factory=list)
    """The first MAX_ERRORS of the rejected."""


class Pour:
    def __init__(
        self, store: ListStore, log: PacedLog, partitions: int, list_id: str, upload: Upload, read: Read, skip: int
    ) -> None:
        self.outcome = Outcome(upload.upload, skip)
        self._store, self._log, self._partitions = store, log, partitions
        self._list_id, self._read, self._skip = list_id, read, skip
        self._before = upload if skip else upload.model_copy(update={"accepted": 0, "rejected": 0})
        added = upload.action == "add"
        self._common = Common(upload.upload, list_id, upload.space, upload.at, upload.expires, added)
        self._waiting: list[Row] = []
        self.seen = 0
        """Lines of the body, those skipped included."""
        self._noted_s = time.monotonic()

    async def take(self, rows: Iterable[Row]) -> None:
        """Raises LogUnavailable."""
        for row in rows:
            self.seen = row.number
            if row.number > self._skip:
                self._waiting.append(row)
            if len(self._waiting) == CHUNK_ROWS:
                await self.flush()

    async def flush(self) -> None:
        """Have the log take what waits for a chunk to be full. Raises LogUnavailable."""
        rows, self._waiting = self._waiting, []
        messages, rejects = self._sorted(rows)
        if messages:
            await self._log.append(messages)
        await asyncio.sleep(REST_S)
        self._count(rows, messages, rejects)
        if time.monotonic() > self._noted_s + NOTE_EVERY_S:
            await self.note(ended=False)

    async def note(self, *, ended: bool) -> None:
        """Remember how far it is. That this fails is no reason to break off."""
        self._noted_s = time.monotonic()
        counts = {
            "lines": self.outcome.lines,
            "accepted": self._before.accepted + self.outcome.accepted,
            "rejected": self._before.rejected + self.outcome.rejected,
            "ended": ended,
        }
        _log.info("upload to a list", extra={"list": self._list_id, "upload": self.outcome.upload, **counts})
        try:
            await self._store.note(self._list_id, self._before.model_copy(update=counts))
        except (*REDIS_ERRORS, UnreadableValue, UploadRefused) as error:
            _log.warning("how far an upload is cannot be noted: %s", type(error).__name__)

    def _sorted(self, rows: Iterable[Row]) -> tuple[list[Message], list[Reject]]:
        messages, rejects = [], []
        for row in rows:
            try:
                named = self._read(row)
                if named is not None:
                    messages.append(message_of(row, named, self._common, self._partitions))
            except InvalidEvent as error:
                rejects.append(Reject(row.number, str(error)))
        return messages, rejects

    def _count(self, rows: list[Row], messages: list[Message], rejects: list[Reject]) -> None:
        outcome = self.outcome
        outcome.lines = rows[-1].number if rows else outcome.lines
        outcome.accepted += len(messages)
        outcome.rejected += len(rejects)
        outcome.errors += rejects[: MAX_ERRORS - len(outcome.errors)]
