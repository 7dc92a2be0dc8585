"""Partitions that are not worked on: until an operator has repaired them, or what was wrong is over.

The law: such a partition is looked at every few seconds, and goes on once its watermark has changed or the log holds
what was missing. A log that ended before the watermark does not become the right one by growing: there, only another
watermark helps.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from services.runtime.event_log.port import LogTrimmed
from services.segmentation.wire.watermark import NoWatermark
from services.stream_worker.trouble import choices, missing, trouble, unfit

LOOK_EVERY_S = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stop:
    why: str
    look_at_s: float
    position: int | None = None
    """The watermark, where it is a number."""
    missing: int = 0
    other_log: bool = False
    """Whether it ended before the watermark."""
    is_over: bool = False
    """Whether the log holds again what was missing."""


class Stopped:
    """Times are those of the event loop's clock. What is lost to another worker is remembered, but no longer told."""

    def __init__(self) -> None:
        self._stops: dict[int, _Stop] = {}
        self._owned: Collection[int] = ()

    def own(self, owned: Collection[int]) -> None:
        self._owned = owned

    def __len__(self) -> int:
        return len(self._told())

    @property
    def reasons(self) -> list[str]:
        return [f"partition {partition} is stopped: {stop.why}" for partition, stop in sorted(self._told().items())]

    @property
    def missing(self) -> int:
        """Records that the log no longer holds and that were never applied."""
        return sum(stop.missing for stop in self._told().values())

    def resting(self, now_s: float) -> set[int]:
        """Those that are not to be looked at yet."""
        return {partition for partition, stop in self._stops.items() if stop.look_at_s > now_s}

    def trimmed(self, told: LogTrimmed, now_s: float) -> None:
        """Stop a partition, of which the log does not hold the next record."""
        found = _Stop(str(told), now_s + LOOK_EVERY_S, told.position)
        stop = _seen(found, told.position, told.begin, told.end)
        if self._is_news(told.partition, stop):
            _log.error("partition %d is stopped: %s; %s", told.partition, stop.why, choices(told.partition))
        self._stops[told.partition] = stop

    def unfit(self, partition: int, watermark: NoWatermark, now_s: float) -> None:
        """Stop a partition whose watermark is no number."""
        stop = _Stop(unfit(watermark), now_s + LOOK_EVERY_S)
        if self._is_news(partition, stop):
            _log.error("partition %d is stopped: %s", partition, stop.why)
        self._stops[partition] = stop

    def holds(self, partition: int, watermark: int, now_s: float) -> bool:
        """Whether the partition, whose watermark was looked at now, has to stay stopped."""
        stop = self._stops.get(partition)
        if stop is None:
            return False
        if stop.position == watermark and not stop.is_over:
            self._stops[partition] = replace(stop, look_at_s=now_s + LOOK_EVERY_S)
            return True
        _log.info("partition %d goes on at %d", partition, watermark)
        del self._stops[partition]
        return False

    def learn(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """Take notice of what the log holds by now."""
        for partition, stop in self._stops.items():
            if stop.position is not None and partition in begins and partition in ends:
                self._stops[partition] = _seen(stop, stop.position, begins[partition], ends[partition])

    def _told(self) -> dict[int, _Stop]:
        return {partition: stop for partition, stop in self._stops.items() if partition in self._owned}

    def _is_news(self, partition: int, stop: _Stop) -> bool:
        before = self._stops.get(partition)
        return before is None or (before.position, before.why) != (stop.position, stop.why)


def _seen(stop: _Stop, position: int, begin: int | None, end: int | None) -> _Stop:
    """The same, given what the log holds."""
    why = trouble(position, begin, end)
    other_log = stop.other_log or (end is not None and position > end)
    return replace(
        stop,
        why=why or stop.why,
        missing=missing(position, begin),
        other_log=other_log,
        is_over=why is None and not other_log,
    )
