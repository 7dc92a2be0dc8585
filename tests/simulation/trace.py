"""What happened in a run, in order: to be read where a seed fails, and to be compared where it is run again."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

from tests.simulation.processes import current

WORLD = "-"
LONGEST = 48
"""Characters of a part of a line that are shown."""


class Trace(logging.Handler):
    """Also takes what the product logs. Lines are made only when they are asked for: most runs are not read."""

    def __init__(self, time_s: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self.complaints: list[str] = []
        """What the product logged as an error: nothing here is one."""
        self._time_s = time_s
        self._over = False
        self._told: list[tuple[float, str, tuple[object, ...]]] = []

    def end(self) -> None:
        """What is told later is no part of the run."""
        self._over = True

    def tell(self, *parts: object, who: str = WORLD) -> None:
        if not self._over:
            self._told.append((self._time_s(), who, parts))

    def emit(self, record: logging.LogRecord) -> None:
        process = current()
        text = record.getMessage()
        self.tell(f"logs: {text}", who=process.name if process else WORLD)
        if record.levelno >= logging.ERROR:
            self.complaints.append(text)

    def lines(self) -> Iterator[str]:
        for time_s, who, parts in self._told:
            yield f"{time_s:10.6f} {who:6} {' '.join(map(_shown, parts))}"

    def digest(self) -> str:
        whole = blake2b(digest_size=16)
        for time_s, who, parts in self._told:
            whole.update(repr((time_s, who, parts)).encode())
        return whole.hexdigest()

    @contextmanager
    def of_logs(self) -> Iterator[None]:
        """What the product logs goes here, and nowhere else."""
        logger = logging.getLogger("services")
        propagates, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = propagates


def _shown(part: object) -> str:
    text = part.decode(errors="backslashreplace") if isinstance(part, bytes) else str(part)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…({len(text)})"
