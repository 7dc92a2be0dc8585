"""The whole way of a recording: events into profiles with the real engine, profiles into samples as it is done live.

It is written anew here, slowly, so that the tool that trains on recordings is not judged by itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import MAX_TS_MS, Event, read_event
from services.segmentation.keep import KeepList
from services.segmentation.models.features import Features
from services.segmentation.models.samples import Activity, Outcome, Sample, Told, Vector, is_due, pseudonym
from services.segmentation.rules.durations import parse_duration
from services.segmentation.rules.scene import Scene

KEEP = KeepList.parse(DEFAULT_KEEP)


@dataclass
class Folding:
    """`seed` is the segment whose users are labelled true, `outcome` the event that is foretold."""

    features: Mapping[str, str]
    segments: Mapping[str, str] = field(default_factory=dict)
    seed: str | None = None
    outcome: str | None = None
    sample_every: str = "6h"
    looks_back: bool = False
    """Whether, when the recording is over, everybody is sampled once more as of his latest event."""
    newest: dict[str, Vector] = field(default_factory=dict)
    """Of each user, the features at the latest event, by which lookups go."""

    def told(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
        """What the trainer is told, in order."""
        features, catalog = Features.of(self.features, KEEP), self._catalog()
        every_ms, states = parse_duration(self.sample_every), dict[str, UserState]()
        for row in rows:
            event = read_event(dict(row), arrived_ms=MAX_TS_MS)
            state = states.get(event.user_id, UserState())
            before = Activity.of(state.profile) if state.profile else None
            states[event.user_id] = state = step(state, [event], catalog, KEEP, UTC)
            yield from self._outcome(event)
            assert state.profile is not None
            if is_due(pseudonym(event.space, event.user_id), before, Activity.of(state.profile), every_ms):
                yield self._sample(event.user_id, state, features, catalog)
        last = [self._sample(user, state, features, catalog) for user, state in states.items()]
        self.newest = {user: sample.features for user, sample in zip(states, last, strict=True)}
        if self.looks_back:
            yield from sorted(last, key=lambda sample: sample.at_ms)

    def _catalog(self) -> Catalog:
        definitions = {name: SegmentDefinition(name=name, rule=rule) for name, rule in self.segments.items()}
        return Catalog().put_all(definitions, KEEP)

    def _outcome(self, event: Event) -> Iterator[Outcome]:
        if event.type == self.outcome:
            yield Outcome(pseudonym(event.space, event.user_id), event.ts_ms)

    def _sample(self, user_id: str, state: UserState, features: Features, catalog: Catalog) -> Sample:
        assert state.profile is not None
        at_ms, label = state.profile.latest_ms, None
        if self.seed is not None:
            assert state.membership is not None
            spans = state.membership.at(at_ms)
            label = any(catalog.by_ordinal[span.ordinal].id == self.seed for span in spans)
        vector = tuple(features.vector(Scene(state.profile, UTC), at_ms))
        return Sample(pseudonym("default", user_id), at_ms, vector, label)
