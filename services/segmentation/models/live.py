"""What trained models say of users while the stream goes on: for each user a step function of time.

The law: it is a function of the profile, the definition and the snapshot alone. A model is asked at the moment of the
newest thing that its features look at, and again one, seven and thirty days later, as if nothing else happened; in
between it keeps to what it said, and before the first of these moments it said the same. Classes of RFM are exact:
these are asked for at each moment at which they can change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from services.segmentation.intervals import START
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import ModelDefinition, RfmModel
from services.segmentation.models.features import Features, Measured, terms_of
from services.segmentation.models.prediction import Output
from services.segmentation.models.predictor import Predictor, predictor
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.samples import Vector
from services.segmentation.models.snapshots import Classes, Snapshot
from services.segmentation.rules import nodes
from services.segmentation.rules.durations import UNITS_MS, parse_duration
from services.segmentation.rules.leaves import Leaves, LooksAt
from services.segmentation.rules.outputs import NOTHING, Steps
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Column, Strand

ASKED_AGAIN_MS = tuple(days * UNITS_MS["d"] for days in (1, 7, 30))


class LiveModels:
    """The outputs of models; compared by identity, for those of another one may be others."""

    def __init__(self, models: Iterable["_Live"]) -> None:
        self._models = {each.id: each for each in models}

    @classmethod
    def of(
        cls,
        definitions: Mapping[str, ModelDefinition],
        snapshots: Iterable[Snapshot],
        keep: KeepList,
        leaves: Leaves | None = None,
    ) -> Self:
        """Models by id; of each the newest of the snapshots that is one of this definition. Raises BadFeature.

        `leaves` are those of the rules that name the models. They are told here what each looks at, which they have to
        know before such a rule is made ready.
        """
        shared = Leaves() if leaves is None else leaves
        recipes = {model: recipe_of(each, keep, shared) for model, each in definitions.items()}
        shared.of_models.update((model, recipe.looks_at) for model, recipe in recipes.items())
        bare = cls(_Live(model, each, recipes[model], _terms(each, keep)) for model, each in definitions.items())
        return bare.with_snapshots(snapshots)

    def with_snapshots(self, snapshots: Iterable[Snapshot]) -> Self:
        """The same models, with newer snapshots of some of them."""
        models = dict(self._models)
        for snapshot in sorted(snapshots, key=lambda each: each.version):
            model = models.get(snapshot.model)
            if model is not None and model.is_told_by(snapshot):
                models[model.id] = replace(model, snapshot=snapshot, predict=predictor(snapshot))
        return type(self)(models.values())

    def steps(self, scene: Scene, model: str) -> Steps:
        live = self._models.get(model)
        if live is None or live.snapshot is None:
            return NOTHING
        return live.steps(scene, live.snapshot)

    def terms(self, model: str) -> Sequence[Measured]:
        live = self._models.get(model)
        return () if live is None else live.terms


def _nothing(_: Vector) -> Output:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Live:
    id: str
    definition: ModelDefinition
    recipe: Features
    terms: Sequence[Measured]
    snapshot: Snapshot | None = None
    predict: Predictor = _nothing

    def is_told_by(self, snapshot: Snapshot) -> bool:
        return snapshot.definition == self.definition.digest and snapshot.features == self.recipe.names

    def steps(self, scene: Scene, snapshot: Snapshot) -> Steps:
        newest_ms = _newest_ms(self.recipe.looks_at, scene)
        if newest_ms is None:  # nothing of it has ever been, and time changes nothing about that
            return ((START, self.predict(self.recipe.vector(scene, 0))),)
        then = scene if newest_ms == scene.profile.latest_ms else _Earlier(scene, newest_ms)
        later_ms = self._later_ms(scene, snapshot, newest_ms)
        vectors = self.recipe.vectors(then, (newest_ms, *later_ms))
        return [*zip((START, *later_ms), map(self.predict, vectors), strict=True)]

    def _later_ms(self, scene: Scene, snapshot: Snapshot, newest_ms: int) -> Sequence[int]:
        """When the model is asked again."""
        # the body first: to tell the class of what pydantic made takes as long as to measure a feature
        if not isinstance(snapshot.body, Classes) or not isinstance(self.definition, RfmModel):
            return [newest_ms + later_ms for later_ms in ASKED_AGAIN_MS]
        found = {newest_ms + bound_ms for bound_ms in snapshot.body.recency_ms}
        if self.definition.within is not None:
            (strand,), within_ms = self.recipe.looks_at.strands, parse_duration(self.definition.within)
            found.update(ts_ms + within_ms for ts_ms in scene.column(strand).moments)
        return sorted(at_ms for at_ms in found if at_ms > newest_ms)


class _Earlier(Scene):
    """A scene as it was at an earlier moment, since when nothing happened to what a model looks at."""

    __slots__ = ("_now",)

    def __init__(self, now: Scene, latest_ms: int) -> None:
        super().__init__(replace(now.profile, latest_ms=latest_ms), now.zone)
        self._now = now

    def column(self, strand: Strand) -> Column:
        return self._now.column(strand)


def _newest_ms(looks_at: LooksAt, scene: Scene) -> int | None:
    """The moment of the newest thing that is looked at; None where nothing of it has ever been."""
    profile = scene.profile
    found = []
    for strand in looks_at.strands:
        if moments := scene.column(strand).moments:
            if moments[-1] == profile.latest_ms:  # as nearly always; nothing is newer
                return moments[-1]
            found.append(moments[-1])
    found += [profile.traits[name].ts_ms for name in looks_at.traits if name in profile.traits]
    found += [profile.context[path].ts_ms for path in looks_at.paths if path in profile.context]
    if looks_at.first_event and profile.first_ms is not None:
        found.append(profile.first_ms)
    return max(found, default=None)


def _terms(definition: ModelDefinition, keep: KeepList) -> Sequence[Measured]:
    if not isinstance(definition, RfmModel):
        return [*terms_of(definition.features, keep).values()]
    within = None if definition.within is None else parse_duration(definition.within)
    events = nodes.Selection(definition.event, (), within)
    return nodes.Since(replace(events, within=None)), nodes.Count(events), nodes.Sum(events, definition.value)
