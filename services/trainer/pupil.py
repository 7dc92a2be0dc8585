"""A model that learns: its training in memory, and how far in the samples log that has come.

The law: what it holds depends on the samples up to its position and on nothing else, neither on the clock nor on how
the log was read. A snapshot is made right after the sample with which it is due. What cannot be learned is left out.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

import orjson

from services.runtime.event_log.port import Record
from services.runtime.event_log.tail import Stretch
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.samples import Told
from services.segmentation.models.snapshots import Trained
from services.segmentation.models.wire import decode_trained, encode_moves, encode_trained
from services.segmentation.training.port import Training
from services.trainer.sample import read_sample

UNREADABLE, UNFIT, FAILED = "unreadable", "unfit", "failed"
"""Why a sample is left out: it is none, it is not as the definition's have to be, or to learn it ended in an error."""


class Mark(NamedTuple):
    """Where a stored training is."""

    definition: str
    """The digest."""
    offset: int


class Spoilt(Exception):
    """To learn the record at `offset` ended in an error that nobody foresaw; the training must not be used again."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"to learn the record at {offset} ended in {reason}")
        self.offset, self.reason = offset, reason


@dataclass
class Taken:
    """What became of some records."""

    learned: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    """Records that the log no longer held when they were to be learned."""


class Made(NamedTuple):
    """A snapshot that is not stored yet."""

    number: int
    data: bytes
    moves: bytes
    """Between its classes, which travel beside it."""


class Pupil:
    """`mark` is where the stored training is, None where there is none; `skipped` are offsets to be left out."""

    def __init__(
        self,
        model_id: str,
        definition: ModelDefinition,
        training: Training,
        position: int,
        mark: Mark | None,
        skipped: Set[int] = frozenset(),
    ) -> None:
        self.model_id, self.definition, self.digest = model_id, definition, definition.digest
        self.position, self.mark = position, mark
        self.made: Made | None = None
        """To be stored before it takes more."""
        self.has_learned = mark is None or mark.definition != self.digest
        """Whether it holds what is not stored."""
        self._training, self._key, self._skipped = training, model_id.encode(), skipped

    @property
    def samples(self) -> int:
        return self._training.samples

    @property
    def is_stored(self) -> bool:
        return self.mark == (self.digest, self.position) and not self.has_learned

    def take(self, stretch: Stretch) -> Taken:
        """Learn what is at its position and behind, up to the next snapshot or the end. Raises Spoilt."""
        taken = Taken(lost=self._gap(stretch))
        first = bisect_left(stretch.records, self.position, key=attrgetter("offset"))
        for record in stretch.records[first:]:
            if record.key == self._key:
                self._hear(record, taken)
            self.position = record.offset + 1
            if self.made is not None:
                return taken
        self.position = max(self.position, stretch.next)
        return taken

    def state(self) -> bytes:
        """What is stored of it; empty where nothing was learned since."""
        return orjson.dumps(self._training.state()) if self.has_learned else b""

    def stored(self) -> None:
        """Everything is."""
        self.mark, self.made, self.has_learned = Mark(self.digest, self.position), None, False

    def _gap(self, stretch: Stretch) -> int:
        """How much is missing from its position on; a training that begins takes what there is."""
        begin = stretch.records[0].offset if stretch.records else stretch.next
        return max(0, begin - self.position) if self.position else 0

    def _hear(self, record: Record, taken: Taken) -> None:
        if record.offset in self._skipped:
            taken.refused[FAILED] += 1
            return
        try:
            digest, told = read_sample(record.value)
        except ValueError:
            taken.refused[UNREADABLE] += 1
            return
        if digest == self.digest:
            self._learn(told, record.offset, taken)

    def _learn(self, told: Told, offset: int, taken: Taken) -> None:
        try:
            self._training.learn(told)
        except ValueError:
            taken.refused[UNFIT] += 1
            return
        except Exception as error:
            raise Spoilt(offset, type(error).__name__) from error
        taken.learned += 1
        self.has_learned = True
        try:
            self._publish()
        except Exception as error:
            raise Spoilt(offset, type(error).__name__) from error

    def _publish(self) -> None:
        snapshot = self._training.publish() if self._training.is_due else None
        if snapshot is not None:
            data = encode_trained(Trained(self.definition, snapshot))
            decode_trained(data)  # what nobody can read must not go live
            self.made = Made(snapshot.version, data, encode_moves(snapshot))
