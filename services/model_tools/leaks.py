"""Features of a look-alike that ask what the rule of its seed asks: with them a model finds the seed again."""

from collections.abc import Iterator

from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import LookalikeModel
from services.segmentation.models.features import Features
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import Leaves, LooksAt


def leaks(definition: LookalikeModel, catalog: Catalog, keep: KeepList) -> Iterator[str]:
    """Of a definition without errors, whose seed is in the catalog."""
    leaves, asked = Leaves(), set[str]()
    for each in catalog.with_parts([definition.seed]):
        for leaf in nodes.leaves(each.segment.rule):
            if not isinstance(leaf, nodes.InSegment):
                asked |= _asked(leaves.of(leaf).looks_at)
    for name, text in definition.features.items():
        for what in sorted(asked & _asked(Features.of({name: text}, keep).looks_at)):
            yield (
                f"feature {name} looks at {what}, and so does the rule of the seed {definition.seed}: "
                "the model may find the seed again, and nobody new"
            )


def _asked(looks_at: LooksAt) -> set[str]:
    events = {f"{strand.type} events" for strand in looks_at.strands}
    return events | {f"the trait {name}" for name in looks_at.traits} | {f"the last {path}" for path in looks_at.paths}
