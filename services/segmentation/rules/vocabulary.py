"""What a rule may name, and the known name that is nearest to one that it may not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.segmentation.keep import CONTEXT, KeepList
from services.segmentation.rules.nearest import nearest

ModelKind = Literal["cluster", "rfm", "lookalike", "propensity", "anomaly"]
ModelKinds = Mapping[str, ModelKind] | None
"""The models that there are, by id; None where whatever is named is taken to be one."""
NO_MODELS: Mapping[str, ModelKind] = {}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    keep: KeepList
    """The properties that profiles keep."""
    object_to_segment: Callable[[str], str | None] = lambda _: None
    """What would be right instead of the id of a segment, and after `; ` a hint; None where it is right."""
    models: ModelKinds = field(default_factory=dict)

    def nearest_field(self, name: str) -> str | None:
        """The nearest property, or path that begins with `context.`, that profiles keep."""
        head, _, rest = name.partition(".")
        in_context = bool(rest) and nearest(head, [CONTEXT[:-1]], likeness=0.75) is not None
        near = None if in_context else nearest(name, (each for each in self.keep.names if not each.startswith(CONTEXT)))
        path = None if near else self.nearest_path(rest if in_context else name)
        return near or (path and CONTEXT + path)

    def nearest_path(self, path: str) -> str | None:
        """The nearest path into the context that profiles keep, written without `context.`."""
        if CONTEXT + path in self.keep:
            return path
        return nearest(path, self._paths_like(path))

    def _paths_like(self, path: str) -> Iterable[str]:
        """Every kept path; for each kept beginning, as many parts of `path` replaced by it as it has itself."""
        yield from (name.removeprefix(CONTEXT) for name in sorted(self.keep.names) if name.startswith(CONTEXT))
        for prefix in (each.removeprefix(CONTEXT) for each in self.keep.prefixes if each.startswith(CONTEXT)):
            yield prefix + ".".join(path.split(".")[prefix.count(".") :])
