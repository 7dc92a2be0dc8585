"""How the API shows models: the shapes of the answers, and how they are filled."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.segment_api.models.clusters import ClusterView, HappeningView, clusters_told
from services.segment_api.models.learned import Backlog, Progress, Stored
from services.segmentation.catalog import Catalog
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.registry import Model
from services.segmentation.models.snapshots import Classes, Linear, Snapshot, Trees
from services.segmentation.rules.vocabulary import ModelKind

State = Literal["waiting for samples", "learning", "live", "learning anew", "rolled back", "unreadable"]
STATES = (
    "`learning`: it says nothing before its first snapshot. `learning anew`: it says what it learned for an earlier "
    "definition. `rolled back`: it keeps to its snapshot until it is released. `unreadable`: the live snapshot is gone "
    "or damaged, and the model says nothing"
)

TAGGED: dict[str, Any] = {
    "headers": {
        "ETag": {"description": "the model's `version` in quotes", "schema": {"type": "string"}},
    }
}

Moment = Annotated[int, Field(description="milliseconds")]


class LiveView(BaseModel):
    """The snapshot that says what the model says."""

    number: int
    since: int = Field(description="the catalog version since which it does: the moment of that, in milliseconds")
    trained_at: int | None = Field(description="the moment of its latest sample, milliseconds; null: unreadable")
    samples: int | None = Field(description="that it has learned; null: unreadable")


class TrainingView(BaseModel):
    """Of the training for the definition that is in force."""

    samples: int = Field(description="that it has taken")
    warm_up: int = Field(description="that are gathered before the first is learned")
    at: int | None = Field(description="when the trainer noted that, milliseconds; null: it has noted nothing yet")
    complaint: str | None = Field(description="what keeps the model from learning, whatever it says; null: nothing")


class ModelView(BaseModel):
    """A model as it is in force."""

    id: str
    version: int = Field(description="the catalog version at the last edit of its definition")
    name: str
    kind: ModelKind
    owner: Literal["file", "api"] = Field(
        description="whose definition it is: the file of models that the operator starts with, or the API's"
    )
    state: State = Field(description=STATES)
    pinned: bool = Field(description="whether it keeps to its snapshot, whatever is learned meanwhile")
    live: LiveView | None
    training: TrainingView


class SavedModel(ModelView):
    """A model as it was put."""

    definition: ModelDefinition


class StoredView(BaseModel):
    """A snapshot to which the model can be rolled back."""

    number: int
    at: int | None = Field(description="the moment of its latest sample, milliseconds; null: unreadable")
    samples: int | None = Field(description="that it has learned; null: unreadable")


class ClassesView(BaseModel):
    """The bounds between the five classes, in rising order."""

    recency_ms: tuple[int, int, int, int] = Field(description="who was there within the first is in class 5")
    frequency: tuple[float, float, float, float] = Field(description="who reaches the last is in class 5")
    value: tuple[float, float, float, float] = Field(description="who reaches the last is in class 5")


class TrainerView(BaseModel):
    backlog: int = Field(description="samples that it had not learned yet")
    at: Moment


class ModelDetails(SavedModel):
    """A model as it is in force, with all that is known about it."""

    used_by: list[str] = Field(description="the segments whose rules name it")
    stored: list[StoredView] = Field(description="newest first")
    trainer: TrainerView | None = Field(description="what it told last; null: nothing")
    clusters: list[ClusterView] | None = Field(description="null for another kind, and until there is a snapshot")
    happenings: list[HappeningView] | None = Field(description="the latest, in rising order; null as for `clusters`")
    classes: ClassesView | None = Field(description="of `rfm`")
    curve: list[tuple[float, float]] | None = Field(
        description="of models with a score: what the score is by the raw value, straight in between"
    )
    weights: dict[str, float] | None = Field(
        description="of look-alikes and propensities: by feature, what a deviation above the mean adds to the raw value"
    )


class ModelList(BaseModel):
    catalog_version: int
    trainer: TrainerView | None = Field(description="what it told last; null: nothing")
    models: list[ModelView]


def overview(catalog: Catalog, model: Model, progress: Progress) -> dict[str, Any]:
    definition, learned = model.definition, _learned(catalog, model)
    live = (
        None
        if model.live is None
        else {
            "number": model.live.number,
            "since": model.live.since,
            "trained_at": learned and learned.at_ms,
            "samples": learned and learned.samples,
        }
    )
    return {
        "id": model.id,
        "version": model.version,
        "name": definition.name,
        "kind": definition.kind,
        "owner": catalog.registry.owner(model.id),
        "state": _state(catalog, model, progress),
        "pinned": model.pinned,
        "live": live,
        "training": {
            "samples": progress.samples,
            "warm_up": definition.warm_up,
            "at": progress.at_ms,
            "complaint": progress.complaint,
        },
    }


def saved(catalog: Catalog, model: Model, progress: Progress) -> dict[str, Any]:
    return {**overview(catalog, model, progress), "definition": model.definition.model_dump()}


def details(
    catalog: Catalog, model: Model, progress: Progress, stored: Iterable[Stored], backlog: Backlog | None
) -> dict[str, Any]:
    return {
        **saved(catalog, model, progress),
        "used_by": sorted(name for name, segment in catalog.segments.items() if model.id in segment.models),
        "stored": [{"number": each.number, "at": each.at_ms, "samples": each.samples} for each in stored],
        "trainer": trainer(backlog),
        **clusters_told(catalog, model),
        **_numbers(_learned(catalog, model)),
    }


def trainer(backlog: Backlog | None) -> Mapping[str, int] | None:
    return None if backlog is None else {"backlog": backlog.records, "at": backlog.at_ms}


def _learned(catalog: Catalog, model: Model) -> Snapshot | None:
    """The live snapshot, if it is at hand."""
    trained = catalog.registry.trained.get(model.id)
    return None if trained is None else trained.snapshot


def _state(catalog: Catalog, model: Model, progress: Progress) -> State:
    learned = _learned(catalog, model)
    if model.live is None:
        return "learning" if progress.samples else "waiting for samples"
    if learned is None:
        return "unreadable"
    if model.pinned:
        return "rolled back"
    return "live" if learned.definition == model.definition.digest else "learning anew"


def _numbers(learned: Snapshot | None) -> Mapping[str, Any]:
    told: dict[str, Any] = {"classes": None, "curve": None, "weights": None}
    match learned:
        case Snapshot(body=Classes(recency_ms, frequency, value)):
            told["classes"] = {"recency_ms": recency_ms, "frequency": frequency, "value": value}
        case Snapshot(features=features, body=Linear(weights, _, curve)):
            told |= {"curve": curve, "weights": dict(zip(features, weights, strict=True))}
        case Snapshot(body=Trees(curve=curve)):
            told["curve"] = curve
    return told
