"""What a preview has found of its sampled users, and what it answers by that. No I/O."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.segment_api.preview.sample import Sample
from services.segmentation.estimate import CONFIDENCE, estimate
from services.segmentation.membership import Span

EXAMPLES = 10
MAX_OVERLAPS = 100


@dataclass
class Tally:
    users: int = 0
    unreadable: int = 0
    hits: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Users in each existing segment."""
    both: Counter[str] = field(default_factory=Counter)
    """Those of them whom the rule holds for."""
    covered: set[int] = field(default_factory=set)
    """Moments since when profiles hold all that the rule looks at."""

    def add(self, user_id: str, span: Span | None, others: Collection[str]) -> None:
        self.users += 1
        self.others.update(others)
        if span is None:
            return
        self.hits += 1
        self.both.update(others)
        if len(self.examples) < EXAMPLES:
            self.examples.append({"user_id": user_id, "since": span.since_ms, "until": span.until_ms})

    def answer(self, sample: Sample) -> dict[str, Any]:
        """What is told of the space that the users were drawn from."""
        share = estimate(self.hits, self.users, sample.population)
        size, bounds = self._size(sample, self.hits)
        return {
            "users": sample.population,
            "sample": self.users,
            "size": size,
            "share": share.share,
            "interval": {"share": [share.low, share.high], "size": bounds, "confidence": CONFIDENCE},
            "examples": self.examples,
            "overlaps": list(self._overlaps(sample)),
            "covered_since": max(self.covered, default=None),
        }

    def _size(self, sample: Sample, hits: int) -> tuple[int, Sequence[int]]:
        """How many users so many sampled ones stand for. They are counted among all who were drawn for them, of any
        space, because how many users the space has may be an estimate too."""
        found = estimate(hits, sample.drawn_for(self.users), sample.everyone)
        return found.of(sample.everyone)

    def _overlaps(self, sample: Sample) -> Iterator[dict[str, Any]]:
        ranked = sorted(self.both.items(), key=lambda item: (-item[1], item[0]))
        for segment_id, both in ranked[:MAX_OVERLAPS]:
            yield {
                "id": segment_id,
                "share_of_this": both / self.hits,
                "share_of_that": both / self.others[segment_id],
                "users": self._size(sample, both)[0],
            }
