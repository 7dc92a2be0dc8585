"""One model as workers see it: who may be learned from, when a user is sampled, what is told of one. Pure.

The law: it goes by the newest definition, whatever is live, and by a user's state before and after alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import orjson

from services.runtime.event_log.opening import SAMPLE_PARTITIONS
from services.runtime.event_log.port import Message
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership
from services.segmentation.models.definition import LookalikeModel, PropensityModel
from services.segmentation.models.features import Features
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.registry import Model
from services.segmentation.models.samples import Activity, Sample, Told, is_due, row_of
from services.segmentation.partitions import partition_of
from services.segmentation.profile import Entry, Profile, TypeLog
from services.segmentation.rules.durations import parse_duration
from services.segmentation.rules.scene import Scene

_NO_LOG = TypeLog()


@dataclass(frozen=True, slots=True)
class Study:
    """A model, by its newest definition, as far as users are sampled for it."""

    model_id: str
    digest: str
    partition: int
    """Of the log of samples."""
    recipe: Features
    follows: bool
    """Whether what rules look at holds all that it measures, so that a user's memo has it at hand."""
    every_ms: int
    purposes: frozenset[int]
    among: int | None
    """The ordinal of the segment of whose users it learns."""
    seed: int | None
    """And of the one whose users are the example."""
    foretold: str | None
    """The type of event."""

    @classmethod
    def of(cls, model: Model, catalog: Catalog, keep: KeepList) -> Self:
        """Raises BadFeature."""
        definition = model.definition
        among, seed = definition.among, definition.seed if isinstance(definition, LookalikeModel) else None
        recipe = recipe_of(definition, keep, catalog.shared)
        return cls(
            model.id,
            definition.digest,
            partition_of(model.id, SAMPLE_PARTITIONS),
            recipe,
            catalog.index.readers.keys() >= set(recipe.looks_at.strands),
            parse_duration(definition.sample_every),
            frozenset(definition.purposes),
            None if among is None else catalog.segments[among].ordinal,
            None if seed is None else catalog.segments[seed].ordinal,
            definition.event if isinstance(definition, PropensityModel) else None,
        )

    def permits(self, membership: Membership) -> bool:
        """Whether consent permits to learn from the user: from one without a record it is learned."""
        return membership.purposes is None or membership.purposes >= self.purposes

    def deeds(self, before: Profile | None, after: Profile) -> Sequence[int]:
        """When what it foretells was done, by what is new in a profile."""
        if self.foretold is None or self.foretold not in after.types:
            return ()
        known = before.types.get(self.foretold, _NO_LOG) if before else _NO_LOG
        return _new_moments(known, after.types[self.foretold])

    def asks_for(self, user: int, before: Activity | None, now: Activity, membership: Membership) -> bool:
        if not is_due(user, before, now, self.every_ms):
            return False
        return self.among is None or _is_in(membership, self.among)

    def sample(self, user: int, scene: Scene, membership: Membership) -> Sample:
        at_ms = scene.profile.latest_ms
        label = None if self.seed is None else _is_in(membership, self.seed)
        return Sample(user, at_ms, self.recipe.vector(scene, at_ms), label)

    def message(self, told: Told) -> Message:
        return Message(self.partition, self.model_id.encode(), orjson.dumps([self.digest, row_of(told)]))


def _is_in(membership: Membership, ordinal: int) -> bool:
    return any(span.ordinal == ordinal for span in membership.at(membership.latest_ms))


def _new_moments(before: TypeLog, after: TypeLog) -> Sequence[int]:
    """Of the events that one log has and the other had not."""
    if after is before:
        return ()
    come = len(after.entries) + after.dropped_count - len(before.entries) - before.dropped_count
    if before.entries and 0 < come < len(after.entries) and after.entries[-come - 1] is before.entries[-1]:
        return [each.ts_ms for each in after.entries[-come:]]
    known = {each.digest for each in _all_of(before)}
    return [each.ts_ms for each in _all_of(after) if each.digest not in known]


def _all_of(log: TypeLog) -> Iterator[Entry]:
    return chain(log.dropped, log.entries)
