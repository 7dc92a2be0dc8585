"""A log as Kafka has it, behind the ports of the real ones: partitions whose offsets have gaps, and dead letters."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from services.runtime.clock import Clock
from services.runtime.event_log.port import DeadLetter, LogUnavailable, Message, Record
from services.runtime.event_log.tail import Stretch
from tests.simulation.group import Group, Member
from tests.simulation.network import Network

MOST_MISSING = 3
"""Offsets in a row that hold no record, as the markers of transactions do."""


FEW = 5
"""Changes that are read at once, at most."""


class SimulatedLog:
    """What the brokers hold."""

    def __init__(self, partitions: int, random: Random, now_ms: Clock) -> None:
        self.records: list[list[Record]] = [[] for _ in range(partitions)]
        self.ends = [0] * partitions
        self.letters: list[DeadLetter] = []
        self._random, self._now_ms = random, now_ms
        self._waiting: list[asyncio.Future[None]] = []

    def append(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self._random.random() < 0.1:
                self.ends[message.partition] += self._random.randint(1, MOST_MISSING)
            offset = self.ends[message.partition]
            record = Record(message.partition, offset, message.key, message.value, self._now_ms())
            self.records[message.partition].append(record)
            self.ends[message.partition] = offset + 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            _wake(each)

    def fetch(self, positions: dict[int, int], most: int) -> dict[int, list[Record]]:
        found = {}
        for partition, position in positions.items():
            ahead = [record for record in self.records[partition] if record.offset >= position][: max(1, most)]
            most -= len(ahead)
            if ahead:
                found[partition] = ahead
            if most <= 0:
                break
        return found

    async def news(self, timeout_s: float) -> None:
        """Wait for something to be appended, at most so long."""
        loop = asyncio.get_running_loop()
        appended = loop.create_future()
        self._waiting.append(appended)
        loop.call_later(timeout_s, _wake, appended)
        await appended


class SimulatedWriter:
    """What a worker appends with."""

    def __init__(self, network: Network, log: SimulatedLog) -> None:
        self._network, self._log = network, log

    async def append(self, messages: Sequence[Message]) -> None:
        told = ("append", [message.partition for message in messages])
        await self._network.call(told, lambda: self._log.append(messages), _unavailable)

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        told = ("dead-letter", [(letter.partition, letter.offset) for letter in letters])
        await self._network.call(told, lambda: self._log.letters.extend(letters), _unavailable)

    async def close(self) -> None:
        """There is nothing to close."""


class SimulatedOffsets:
    def __init__(self, network: Network, log: SimulatedLog) -> None:
        self._network, self._log = network, log

    async def ends(self) -> dict[int, int]:
        return await self._network.call(("ends",), lambda: dict(enumerate(self._log.ends)), _unavailable)

    async def begins(self) -> dict[int, int]:
        """Nothing is trimmed here."""
        return dict.fromkeys(range(len(self._log.ends)), 0)

    async def close(self) -> None:
        """There is nothing to close."""


class SimulatedTail:
    """Of the changes."""

    def __init__(self, network: Network, log: SimulatedLog) -> None:
        self._network, self._log = network, log

    async def ends(self) -> dict[int, int]:
        return await self._network.call(("changes' ends",), lambda: dict(enumerate(self._log.ends)), _unavailable)

    async def read(self, stretches: Mapping[int, tuple[int, int]], max_records: int) -> Mapping[int, Stretch]:
        few = min(max_records, FEW)
        told = ("read changes", dict(stretches))
        return await self._network.call(told, lambda: self._read(stretches, few), _unavailable)

    async def close(self) -> None:
        """There is nothing to close."""

    def _read(self, stretches: Mapping[int, tuple[int, int]], few: int) -> dict[int, Stretch]:
        found = {}
        for partition, (begin, end) in stretches.items():
            records = [record for record in self._log.records[partition] if begin <= record.offset < end]
            found[partition] = Stretch(records[:few], records[few].offset if len(records) > few else end)
        return found


class SimulatedReader:
    """After LogUnavailable it owns nothing, until the group has dealt anew."""

    def __init__(self, network: Network, log: SimulatedLog, group: Group) -> None:
        self._network, self._log, self._group = network, log, group
        self._member: Member | None = None

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        if self._member is None or self._member.left_out:
            self._member = self._group.join()
        member, wanted = self._member, self._member.positions.copy()
        try:
            told = ("fetch", wanted)
            found = await self._network.call(told, lambda: self._log.fetch(wanted, max_records), _unavailable)
        except LogUnavailable:
            await self.close()
            raise
        if not found:
            await self._log.news(timeout_s)
        return [record for partition, batch in found.items() for record in _taken(member, wanted, partition, batch)]

    def assigned(self) -> frozenset[int]:
        return self._member.assigned if self._member else frozenset()

    def unopened(self) -> frozenset[int]:
        return self._member.assigned - self._member.opened if self._member else frozenset()

    async def seek(self, partition: int, offset: int) -> None:
        if self._member and partition in self._member.assigned:
            self._member.positions[partition] = offset
            self._member.opened.add(partition)

    async def shut(self, partition: int) -> None:
        if self._member:
            self._member.positions.pop(partition, None)

    async def applied(self, partition: int, offset: int) -> None:
        """Nothing is trimmed here."""

    async def close(self) -> None:
        if self._member:
            self._group.leave(self._member)
            self._member = None


def _taken(member: Member, wanted: dict[int, int], partition: int, batch: list[Record]) -> list[Record]:
    """Unless the partition was lost or opened anew in the meantime."""
    if member.positions.get(partition) != wanted[partition]:
        return []
    member.positions[partition] = batch[-1].offset + 1
    return batch


def _unavailable(random: Random) -> Exception:
    del random
    return LogUnavailable("simulated")


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
