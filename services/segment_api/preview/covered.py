"""Since when profiles hold all that a rule looks at: asked of a small sample of them."""

import time
from collections.abc import Callable, Sequence
from datetime import tzinfo

from services.segment_api.preview.sample import Sampler, states
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Pace
from services.segmentation.catalog import Catalog
from services.segmentation.coverage import covered_since
from services.segmentation.profile import Profile
from services.segmentation.rules import nodes
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.profile import decode_profile
from services.segmentation.wire.version import UnknownCodec

USERS = 200
BUDGET_S = 0.3
KEPT_S = 5.0
"""The rules of one composition are asked one after the other: they share a sample."""


class Covered:
    def __init__(
        self,
        sampler: Sampler,
        reads: BoundedReads,
        zones: TimeZones,
        now: Callable[[], Catalog],
        pace: Pace | None = None,
    ) -> None:
        self._now = now
        self._sampler, self._reads, self._zones, self._pace = sampler, reads, zones, pace or Pace()
        self._drawn: Sequence[tuple[Profile, tzinfo]] = ()
        self._until_s = 0.0

    async def since(self, rule: nodes.Rule) -> int | None:
        """The moment, in milliseconds, since when the sampled users' profiles hold all that the rule looks at.

        None: since ever, as far as the sample shows. Raises REDIS_ERRORS.
        """
        if time.monotonic() >= self._until_s:
            self._drawn = await self._draw()
            self._until_s = time.monotonic() + KEPT_S
        outputs = self._now().outputs
        moments = [covered_since(rule, profile, zone, outputs) for profile, zone in self._drawn]
        return max((moment for moment in moments if moment is not None), default=None)

    async def _draw(self) -> Sequence[tuple[Profile, tzinfo]]:
        by_s = time.monotonic() + BUDGET_S
        sample = await self._sampler.draw(USERS)
        return [
            (profile, self._zones.of(keys.space_of(state.user.member)))
            async for state in states(self._reads, sample.users, by_s, self._pace)
            if (profile := _readable(state.profile)) is not None
        ]


def _readable(stored: bytes) -> Profile | None:
    try:
        return decode_profile(stored)
    except UnknownCodec:
        return None
