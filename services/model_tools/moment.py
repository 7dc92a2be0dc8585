"""A user at a moment, as models look at one. What several of them ask for is worked out once, what none does never."""

from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from services.model_tools.named_segments import NamedSegments
from services.model_tools.people import Person
from services.segmentation.rules.scene import Scene


@dataclass
class Moment:
    person: Person
    at_ms: int
    """Not before the user's latest event."""
    zone: tzinfo
    named: NamedSegments

    @property
    def user(self) -> int:
        return self.person.user

    @cached_property
    def scene(self) -> Scene:
        return Scene(self.person.profile, self.zone)

    @cached_property
    def segments(self) -> frozenset[str]:
        """Those that models name and that the user is in."""
        return self.named.holding(self.person.profile, self.at_ms, self.zone)
