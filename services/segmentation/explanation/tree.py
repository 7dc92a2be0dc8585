"""What an explanation consists of: the rule's tree with what each node of it finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from typing import Literal as OneOf

from services.segmentation.catalog import Ready
from services.segmentation.explanation.claims import Claim, Plain
from services.segmentation.rules import nodes

Obstacle = OneOf["draft", "consent", "unknown-user"]
"""Why a lookup does not answer with a segment, whether its rule holds or not."""


@dataclass(frozen=True, slots=True)
class Sooner:
    """What would change a leaf at once: in words, and as data (see `sooner.py`)."""

    text: str
    change: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a leaf compares, at the moment asked about. Values are plain JSON, times are milliseconds."""

    claim: Claim
    value: Any
    """None where there is none."""
    value_text: str
    threshold: Any
    """A list where any of several is meant."""
    threshold_text: str
    fact: str
    """The value, told of the user: `has 2 add_to_cart in the last hour`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    condition: Plain
    holds: bool
    changes_at_ms: int | None
    """When that changes next if nothing else happens; None for never."""
    reading: Reading
    sooner: Sooner | None
    """None where nothing but time can change it, and where it is a model's."""


@dataclass(frozen=True, slots=True)
class Group:
    condition: nodes.And | nodes.Or | nodes.Not
    holds: bool
    changes_at_ms: int | None
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Composed:
    """Another segment, with its tree the first time that it is named."""

    condition: nodes.InSegment
    holds: bool
    changes_at_ms: int | None
    name: str
    tree: "Node | None"


Node = Leaf | Group | Composed


@dataclass(frozen=True, slots=True)
class Explanation:
    ready: Ready
    catalog_version: int
    zone: tzinfo
    """By whose clocks it is told."""
    at_ms: int
    known: bool
    since_ms: int | None
    """Since when the user is in the segment, as lookups tell it; None where he is not."""
    until_ms: int | None
    obstacles: tuple[Obstacle, ...]
    covered_since_ms: int | None
    """The moment from which all that the rule looks at is held; None where nothing of it is missing."""
    tree: Node

    @property
    def in_segment(self) -> bool:
        """Whether the rule holds."""
        return self.tree.holds

    @property
    def served(self) -> bool:
        """Whether a lookup answers with the segment."""
        return self.in_segment and not self.obstacles
