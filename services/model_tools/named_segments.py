"""The segments that models name: the users one learns among, and those that are the example of a look-alike."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from services.rule_tools.segments_file import read_definitions
from services.runtime.errors import OperatorError
from services.segmentation.catalog import BadRule, Catalog
from services.segmentation.keep import KeepList
from services.segmentation.membership import judge
from services.segmentation.models.definition import LookalikeModel, ModelDefinition
from services.segmentation.models.registry import Registry
from services.segmentation.profile import Profile
from services.segmentation.rules.nearest import did_you_mean, nearest


class BadSegments(OperatorError):
    """The file's segments cannot be used together; the message says which and why."""


@dataclass(frozen=True, slots=True)
class NamedSegments:
    catalog: Catalog
    named: Collection[str]

    @classmethod
    def of(cls, catalog: Catalog, definitions: Iterable[ModelDefinition]) -> "NamedSegments":
        """Of definitions that `objections` has nothing against."""
        return cls(catalog, {name for definition in definitions for name in names_in(definition).values()})

    def holding(self, profile: Profile, at_ms: int, zone: tzinfo) -> frozenset[str]:
        """Which of them a user is in at a moment that is not before the latest event."""
        if not self.named:
            return frozenset()
        membership = judge(profile, self.catalog, zone, max_spans=None, only=self.named)
        return frozenset(self.catalog.by_ordinal[span.ordinal].id for span in membership.at(at_ms))


def read_catalog(path: Path | None, keep: KeepList, models: Mapping[str, ModelDefinition]) -> Catalog:
    """All segments of a file, which may name these models; none without one. Raises BadSegmentsFile and BadSegments."""
    known = Catalog(registry=Registry().put_all(models, 1))
    if path is None:
        return known
    try:
        return known.put_all(read_definitions(path), keep)
    except BadRule as error:
        raise BadSegments(f"{path}: {error}") from None


def names_in(definition: ModelDefinition) -> dict[str, str]:
    """The segments that a definition names, by the field that names it."""
    named = {"among": definition.among, "seed": definition.seed if isinstance(definition, LookalikeModel) else None}
    return {field: name for field, name in named.items() if name is not None}


def objections(definition: ModelDefinition, catalog: Catalog) -> list[str]:
    """What is wrong with the segments that a definition names."""
    found = {field: _objection(name, catalog) for field, name in names_in(definition).items()}
    return [f"{field}: {text}" for field, text in found.items() if text]


def untold(definition: ModelDefinition, catalog: Catalog) -> list[str]:
    """The segments that it names of which a recording cannot tell, for they depend on models, which say nothing yet."""
    return [
        f"{field}: the segment {name} depends on the model {', '.join(models)}, and is known only where that is live"
        for field, name in names_in(definition).items()
        if (models := sorted({model for part in catalog.with_parts([name]) for model in part.segment.models}))
    ]


def _objection(name: str, catalog: Catalog) -> str | None:
    if name not in catalog.segments:
        hint = did_you_mean(nearest(name, catalog.segments)) or "--segments names the file that it is in"
        return f"there is no segment {name}; {hint}"
    if catalog.ready[name].questions:
        return f"the segment {name} asks the ad request, and there is none when a model learns"
    return None
