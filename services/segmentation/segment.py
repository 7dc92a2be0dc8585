"""A segment: what a marketer writes to define it, and what the catalog knows of it beside that."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.segmentation.events import Purpose
from services.segmentation.keep import KEEP_ALL
from services.segmentation.rules import nodes
from services.segmentation.rules.parse import parse


class SegmentDefinition(BaseModel):
    """What a marketer writes to define a segment."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Segment")

    name: str = Field(min_length=1, max_length=200)
    rule: str = Field(min_length=1, max_length=10_000, description="when a user is in it; see the rule language")
    description: str = Field("", max_length=2_000)
    purposes: list[Purpose] = Field(
        default_factory=list,
        max_length=63,
        description="IAB TCF purposes that a user with a consent record must have granted",
    )
    taxonomy: dict[str, list[str]] = Field(default_factory=dict, description="ids in public taxonomies")
    status: Literal["live", "draft"] = Field(
        "live", description="a draft is evaluated and counted, and no lookup answers with it"
    )

    @property
    def digest(self) -> str:
        """What tells definitions apart; a member that a later version adds changes none where it is not used."""
        told = self.model_dump(exclude_defaults=True)
        return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Segment:
    id: str
    ordinal: int
    version: int
    definition: SegmentDefinition
    uses: tuple[str, ...] = ()
    """The segments that its rule names."""
    asks: bool = False
    """Whether its rule itself asks the ad request."""
    models: tuple[str, ...] = ()
    """The models that its rule names."""

    @cached_property
    def rule(self) -> nodes.Rule:
        """Made at first use: lookups follow every edit and hardly ever evaluate. It was checked when it was put."""
        return parse(self.definition.rule, KEEP_ALL, models=None)

    @cached_property
    def row(self) -> Mapping[str, Any]:
        """How the catalog's document holds it."""
        return {
            "id": self.id,
            "ordinal": self.ordinal,
            "version": self.version,
            "definition": self.definition.model_dump(),
            "uses": list(self.uses),
            "asks": self.asks,
            **({"models": list(self.models)} if self.models else {}),
        }
