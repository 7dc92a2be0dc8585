"""The keys of a file as they are now: it is read again whenever it changes.

A file that cannot be read any more changes nothing: a slip in it should not shut out every client, and the log says so.
"""

import asyncio
import logging
from pathlib import Path

from services.runtime.access.api_keys import KeyRing
from services.runtime.access.key_file import BadKeyFile, read_key_file

LOOK_S = 1.0

_log = logging.getLogger(__name__)


class FollowedKeys:
    """Raises BadKeyFile where the file cannot be read to begin with."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _stamp(path)
        self.ring = KeyRing(read_key_file(path))

    async def follow(self, look_s: float = LOOK_S) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(look_s)
            await self._look()

    async def _look(self) -> None:
        stamp = _stamp(self._path)  # before the file is read: what is written meanwhile is seen by the next look
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            records = await asyncio.to_thread(read_key_file, self._path)  # YAML takes its time
        except BadKeyFile as error:
            _log.error("the API keys stay as they were: %s", error)
            return
        self.ring = KeyRing(records)
        _log.info("API keys read again", extra={"keys": len(records)})


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Differs once the file was written or replaced; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
