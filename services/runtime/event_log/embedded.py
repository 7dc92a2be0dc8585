"""The event log on Redis Streams: a stream and a counter of the next offset per partition, in one hash slot.

Offsets are dense, so a gap always means a loss. It is as durable as its Redis: `appendonly yes` survives a restart,
`appendfsync always` a power cut too, and `maxmemory-policy noeviction` keeps the counters.

Every client given to a class here must answer in bytes and must not retry, for a retried append appends twice
(`connect` in `services.runtime.redis_client` makes such a client). It is closed with what it was given to.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

from redis.typing import EncodableT, FieldT

from services.runtime.event_log.embedded_names import EVENTS, EmbeddedLog
from services.runtime.event_log.port import DeadLetter, LogTrimmed, LogUnavailable, Message, Record
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, get_many

DEAD_LETTERS_KEY = "tranche:dead-letters"
MAX_DEAD_LETTERS = 100_000

MIN_PARTITION_RECORDS = 2_000
"""The least bound of a partition: it may hold this many applied records that are not trimmed yet."""

_TIMEOUT_S = 5.0
_SHORTEST_NAP_S, _LONGEST_NAP_S = 0.005, 0.025
_TRIM_EVERY = 1_000  # records; a trim costs a round trip
_PARTITIONS_A_TURN = 4
"""As few are read at a time while all are far behind: many records of one user are then applied as one."""


def log_key(partition: int) -> str:
    """The stream that holds the partition's events."""
    return EVENTS.key(partition)


class EmbeddedWriter:
    """Appends with one script per partition, all in one round trip.

    While a partition holds about `max_records` that nobody has applied, what is for it is refused: LogUnavailable.
    A log that `forgets` refuses nothing: its oldest records go when there are about so many.
    """

    def __init__(
        self, redis: RedisClient, max_records: int = 10_000, log: EmbeddedLog = EVENTS, *, forgets: bool = False
    ) -> None:
        self._redis, self._max_records, self._names, self._forgets = redis, max_records, log, forgets
        self._append = files("services.runtime.event_log").joinpath("lua/append.lua").read_text()

    async def append(self, messages: Sequence[Message]) -> None:
        """As the port says. A partition's messages are appended together or not at all."""
        pairs: dict[int, list[bytes]] = defaultdict(list)
        for message in messages:
            pairs[message.partition] += message.key, message.value
        async with _reaching_redis():
            if not self._forgets:
                await self._require_room(pairs)
            pipeline = self._redis.pipeline(transaction=False)
            for partition, arguments in pairs.items():
                names = self._names.key(partition), self._names.end_key(partition)
                # The text, not its hash: a restarted server has forgotten the hash, and cluster pipelines refuse it.
                pipeline.eval(self._append, 2, *names, *arguments)
                if self._forgets:
                    pipeline.xtrim(names[0], maxlen=self._max_records, approximate=True)
            await pipeline.execute()

    async def _require_room(self, partitions: Iterable[int]) -> None:
        # Ahead of the scripts, so that a full partition refuses the messages for the others too: all will be resent.
        pipeline = self._redis.pipeline(transaction=False)
        for partition in partitions:
            pipeline.xlen(self._names.key(partition))
        if max(await pipeline.execute(), default=0) >= self._max_records:
            raise LogUnavailable("the workers are too far behind")

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        """As the port says. The oldest letters go when there are about MAX_DEAD_LETTERS."""
        async with _reaching_redis():
            pipeline = self._redis.pipeline(transaction=False)
            for letter in letters:
                pipeline.xadd(DEAD_LETTERS_KEY, _fields(letter), maxlen=MAX_DEAD_LETTERS, approximate=True)
            await pipeline.execute()

    async def close(self) -> None:
        await _close(self._redis)


class EmbeddedReader:
    """Reads the partitions it is given; that no two readers share one is the caller's part.

    One of several groups that read a log must not trim it by what it has `applied`: `trims` is false.
    """

    def __init__(
        self, redis: RedisClient, partitions: Collection[int], log: EmbeddedLog = EVENTS, *, trims: bool = True
    ) -> None:
        self._redis, self._names, self._trims = redis, log, trims
        self._assigned = frozenset(partitions)
        self._positions: dict[int, int] = {}
        self._trimmed_to: dict[int, int] = defaultdict(int)
        self._last = -1
        """The partition that was the last in its turn to be read."""

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """As the port says. LogTrimmed also when the log ends before the position."""
        deadline_s = time.monotonic() + timeout_s
        nap_s = _SHORTEST_NAP_S
        while not (records := await self._read(max_records)):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.sleep(min(nap_s, left_s))
            nap_s = min(2 * nap_s, _LONGEST_NAP_S)
        return records

    def assigned(self) -> frozenset[int]:
        return self._assigned

    def unopened(self) -> frozenset[int]:
        return self._assigned - self._positions.keys()

    async def seek(self, partition: int, offset: int) -> None:
        self._positions[partition] = offset

    async def shut(self, partition: int) -> None:
        self._positions.pop(partition, None)

    async def applied(self, partition: int, offset: int) -> None:
        """Trim what lies below `offset`, now and then. Redis trims whole blocks, so up to a hundred records stay."""
        if not self._trims or offset - self._trimmed_to[partition] < _TRIM_EVERY:
            return
        with suppress(LogUnavailable):
            async with _reaching_redis():
                await self._redis.xtrim(self._names.key(partition), minid=_entry_id(offset), approximate=True)
            self._trimmed_to[partition] = offset

    async def close(self) -> None:
        await _close(self._redis)

    async def _read(self, max_records: int) -> list[Record]:
        # The ends come first: a record below its partition's end must show up in the stream, or is no longer there.
        ends = await _read_ends(self._redis, self._names, list(self._positions))
        backlogs = {partition: end - self._positions[partition] for partition, end in ends.items()}
        for partition, backlog in backlogs.items():
            if backlog < 0:
                raise await self._trimmed(partition, 0)
        turn = in_turn(backlogs, max_records, self._last)
        batches = await self._fetch(fair_shares(turn, max_records))
        for partition, batch in batches.items():
            if not batch or batch[0].offset != self._positions[partition]:
                raise await self._trimmed(partition, self._positions[partition])
        for partition, batch in batches.items():
            self._positions[partition] += len(batch)
        self._last = next(reversed(turn), self._last)
        return [record for batch in batches.values() for record in batch]

    async def _fetch(self, counts: Mapping[int, int]) -> dict[int, list[Record]]:
        """So many records of each partition, from its position on."""
        async with _reaching_redis():
            pipeline = self._redis.pipeline(transaction=False)
            for partition, count in counts.items():
                pipeline.xrange(self._names.key(partition), min=_entry_id(self._positions[partition]), count=count)
            streams = await pipeline.execute()
        return {
            partition: [_record(partition, entry_id, fields) for entry_id, fields in entries]
            for partition, entries in zip(counts, streams, strict=True)
        }

    async def _trimmed(self, partition: int, since: int) -> LogTrimmed:
        """What the log still holds from the offset `since` on."""
        ends = await _read_ends(self._redis, self._names, [partition])
        begins = await _read_begins(self._redis, self._names, ends, since)
        return LogTrimmed(partition, self._positions[partition], begins[partition], ends[partition])


class EmbeddedOffsets:
    """Reads the counters."""

    def __init__(self, redis: RedisClient, partitions: int, log: EmbeddedLog = EVENTS) -> None:
        self._redis, self._partitions, self._names = redis, range(partitions), log

    async def ends(self) -> dict[int, int]:
        return await _read_ends(self._redis, self._names, self._partitions)

    async def begins(self) -> dict[int, int]:
        return await _read_begins(self._redis, self._names, await self.ends())

    async def close(self) -> None:
        await _close(self._redis)


def in_turn(backlogs: Mapping[int, int], room: int, last: int) -> dict[int, int]:
    """The backlogs to be read now, from that of the partition after `last` on, while there is a good piece left."""
    turn, left, piece = {}, room, math.ceil(room / _PARTITIONS_A_TURN)
    for partition in sorted(backlogs, key=lambda partition: (partition <= last, partition)):
        if (taken := min(backlogs[partition], piece)) > left:
            break
        if taken:
            turn[partition] = backlogs[partition]
            left -= taken
    return turn


def fair_shares(backlogs: Mapping[int, int], room: int) -> dict[int, int]:
    """Split `room` records so that no partition gets more while another with a backlog gets less (max-min fairness).

    Partitions that get nothing are left out; there are such with a backlog only where `room` is less than their number.
    """
    shares: dict[int, int] = {}
    ascending = sorted((backlog, partition) for partition, backlog in backlogs.items() if backlog)
    for index, (backlog, partition) in enumerate(ascending):
        share = min(backlog, math.ceil(room / (len(ascending) - index)))
        if share:
            shares[partition] = share
        room -= share
    return shares


async def _read_ends(redis: RedisClient, log: EmbeddedLog, partitions: Sequence[int]) -> dict[int, int]:
    if not partitions:
        return {}
    async with _reaching_redis():
        ends = await get_many(redis, [log.end_key(partition) for partition in partitions])
    return {partition: int(end or 0) for partition, end in zip(partitions, ends, strict=True)}


async def _read_begins(redis: RedisClient, log: EmbeddedLog, ends: Mapping[int, int], since: int = 0) -> dict[int, int]:
    """The first record of each partition from the offset `since` on. `ends` were read before."""
    async with _reaching_redis():
        pipeline = redis.pipeline(transaction=False)
        for partition in ends:
            pipeline.xrange(log.key(partition), min=_entry_id(since), count=1)
        streams = await pipeline.execute()
    return {
        partition: _offset(entries[0][0]) if entries else end
        for (partition, end), entries in zip(ends.items(), streams, strict=True)
    }


@asynccontextmanager
async def _reaching_redis() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            yield
    except REDIS_ERRORS as error:
        raise LogUnavailable(f"the log's Redis: {type(error).__name__}: {error}") from error


async def _close(redis: RedisClient) -> None:
    with suppress(LogUnavailable):
        async with _reaching_redis():
            await redis.aclose()


def _entry_id(offset: int) -> str:
    return f"{offset}-1"


def _offset(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _record(partition: int, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Record:
    return Record(partition, _offset(entry_id), fields[b"k"], fields[b"v"], int(fields[b"t"]))


def _fields(letter: DeadLetter) -> dict[FieldT, EncodableT]:
    return {
        "reason": letter.reason.encode(errors="backslashreplace"),
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "value": letter.value,
    }
