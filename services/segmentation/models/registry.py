"""The models that there are: how each is defined, and which snapshot of it says something now.

The law: a model says what the snapshot says that was published last, by the definition that this was trained for. So an
edit of a definition changes nothing of what is said until something was learned by it. One that is pinned keeps to its
snapshot, whatever is learned meanwhile.

Versions are those of the catalog, of which the registry is a part. The law of the operator's file is that of segments.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import MODEL, ClusterModel, ModelDefinition
from services.segmentation.models.live import LiveModels
from services.segmentation.models.snapshots import Trained
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.vocabulary import ModelKind

MAX_MODELS = 100


class BadModel(ValueError):
    """The definition of one of several models cannot be accepted."""

    def __init__(self, model_id: str, reason: str) -> None:
        super().__init__(f"model {model_id}: {reason}")
        self.model_id, self.reason = model_id, reason


class TooManyModels(ValueError):
    """The registry is full."""


class Live(NamedTuple):
    """The snapshot that says what a model says."""

    number: int
    since: int
    """The catalog's version from which on it does."""


@dataclass(frozen=True)
class Model:
    id: str
    version: int
    """The catalog's at the last edit of the definition."""
    definition: ModelDefinition
    live: Live | None = None
    """None until something was learned."""
    pinned: bool = False
    """Whether it keeps to its snapshot."""

    @property
    def row(self) -> dict[str, Any]:
        """How the catalog's document holds it."""
        return {
            "id": self.id,
            "version": self.version,
            "definition": self.definition.model_dump(),
            "live": self.live and list(self.live),
            "pinned": self.pinned,
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        live = None if row["live"] is None else Live(*row["live"])
        return cls(row["id"], row["version"], MODEL.validate_python(row["definition"]), live, row["pinned"])


@dataclass(frozen=True)
class Registry:
    models: Mapping[str, Model] = field(default_factory=dict)
    from_file: Mapping[str, str] = field(default_factory=dict)
    """The digest of what the operator's file said last of each model that it ever named."""
    trained: Mapping[str, Trained] = field(default_factory=dict, repr=False, compare=False)
    """By id, the live snapshots as far as they are at hand. Who evaluates needs all of them."""

    @cached_property
    def kinds(self) -> Mapping[str, ModelKind]:
        """What rules may name."""
        return {name: model.definition.kind for name, model in self.models.items()}

    @cached_property
    def missing(self) -> Mapping[str, int]:
        """By id, the numbers of the live snapshots that are not at hand."""
        live = {name: model.live.number for name, model in self.models.items() if model.live}
        return {name: number for name, number in live.items() if self._at_hand(name) != number}

    def told_since(self, model_id: str) -> int | None:
        """The catalog's version since which a model says what it does; None where nothing is known of it here."""
        model = self.models.get(model_id)
        at_hand = model is not None and model.live is not None and self._at_hand(model_id) == model.live.number
        return model.live.since if model and model.live and at_hand else None

    def outputs(self, leaves: Leaves) -> LiveModels:
        """What they say; `leaves`, those of the rules that name them, are told what each looks at."""
        definitions = {name: each.definition for name, each in self.trained.items()}
        return LiveModels.of(definitions, [each.snapshot for each in self.trained.values()], KEEP_ALL, leaves)

    def with_trained(self, found: Mapping[str, Trained]) -> Self:
        """The same with more of the live snapshots at hand."""
        return replace(self, trained={**self.trained, **found})

    def put_all(self, definitions: Mapping[str, ModelDefinition], version: int) -> Self:
        """With these definitions; the same object when nothing changes. Raises BadModel and TooManyModels."""
        models = {**self.models}
        for name, definition in definitions.items():
            before = models.get(name)
            if before is None:
                models[name] = Model(name, version, definition)
            elif before.definition.kind != definition.kind:
                raise BadModel(name, f"it is of the kind {before.definition.kind}, and that stays: give another id")
            elif before.definition != definition:
                models[name] = replace(before, version=version, definition=definition)
        if len(models) > MAX_MODELS:
            raise TooManyModels(f"there would be more than {MAX_MODELS} models")
        return self if models == self.models else replace(self, models=models)

    def put_file(self, definitions: Mapping[str, ModelDefinition], version: int) -> Self:
        """After an operator's file: what it says anew is put; the same object when that is nothing."""
        said = {name: each.whole_digest for name, each in definitions.items()}
        if said == self.from_file:
            return self
        news = {name: self._named(name, definitions[name]) for name in said if self.from_file.get(name) != said[name]}
        return replace(self.put_all(news, version), from_file=said)

    def owner(self, model_id: str) -> Literal["file", "api"]:
        """Whose definition of a model is in force."""
        return "file" if self.from_file.get(model_id) == self.models[model_id].definition.whole_digest else "api"

    def without(self, model_id: str) -> Self:
        return replace(self, models={name: each for name, each in self.models.items() if name != model_id})

    def published(self, numbers: Mapping[str, int], version: int) -> Self:
        """With newer snapshots of some models live; the same object where all are gone, pinned or as new as that."""
        models = {
            name: replace(model, live=Live(numbers[name], version))
            for name, model in self.models.items()
            if name in numbers and not model.pinned and (model.live is None or model.live.number < numbers[name])
        }
        return replace(self, models={**self.models, **models}) if models else self

    def pinned(self, model_id: str, number: int, version: int) -> Self:
        """With that snapshot live from now on, until it is released; the same object when it is so already."""
        before = self.models[model_id]
        live = before.live if before.live and before.live.number == number else Live(number, version)
        return self._with(replace(before, live=live, pinned=True))

    def released(self, model_id: str) -> Self:
        """No longer pinned: the next snapshot is live again as soon as there is one."""
        return self._with(replace(self.models[model_id], pinned=False))

    def dated(self, version: int, now_ms: int) -> Self:
        """What was edited or published at a version was so at another one."""
        models = {name: _dated(model, version, now_ms) for name, model in self.models.items()}
        return replace(self, models=models)

    def after(self, rows: Iterable[Mapping[str, Any]], from_file: Mapping[str, str]) -> Self:
        """What the catalog's document says now: with those of the snapshots that are at hand and still live."""
        models = {row["id"]: Model.of_row(row) for row in rows}
        now = replace(self, models=models, from_file=from_file)
        trained = {name: each for name, each in self.trained.items() if name in models and now._is_live(name, each)}
        return replace(now, trained=trained)

    def _named(self, model_id: str, definition: ModelDefinition) -> ModelDefinition:
        """With the names that clusters were given meanwhile, as far as it gives them none."""
        before = self.models.get(model_id)
        if before is None or not (isinstance(before.definition, ClusterModel) and isinstance(definition, ClusterModel)):
            return definition
        names = {**before.definition.cluster_names, **definition.cluster_names}
        return definition.model_copy(update={"cluster_names": names})

    def _with(self, model: Model) -> Self:
        return self if self.models[model.id] == model else replace(self, models={**self.models, model.id: model})

    def _at_hand(self, model_id: str) -> int | None:
        trained = self.trained.get(model_id)
        return None if trained is None else trained.snapshot.version

    def _is_live(self, model_id: str, trained: Trained) -> bool:
        live = self.models[model_id].live
        return live is not None and live.number == trained.snapshot.version


def segments_named(definition: ModelDefinition) -> Set[str]:
    """The segments of whose users a model learns."""
    named = {definition.among, getattr(definition, "seed", None)}
    return {each for each in named if each is not None}


def _dated(model: Model, version: int, now_ms: int) -> Model:
    if model.live is not None and model.live.since == version:
        model = replace(model, live=model.live._replace(since=now_ms))
    return replace(model, version=now_ms) if model.version == version else model
