"""How the API shows the clusters of a model, by the snapshot that is live."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.segmentation.catalog import Catalog
from services.segmentation.models.definition import ClusterModel, ModelDefinition
from services.segmentation.models.registry import Model
from services.segmentation.models.snapshots import ClusterFacts, Clusters, Happening


class TraitView(BaseModel):
    """What sets a cluster apart in one feature."""

    feature: str
    mean: float = Field(description="what is typical of its users, in the unit of the feature's term")
    lift: float = Field(description="how much more or less that is than of all: 1 is the same; 0 where it is unknown")
    effect: float = Field(description="Cohen's d against all others: from 0.8 on, either way, it is large")


class ClusterView(BaseModel):
    id: str = Field(description="stays with its people; never given to another group")
    name: str = Field(description="the one that was given to it, else the generated one")
    generated_name: str
    size: int = Field(description="users among the sampled ones that were seen last")
    share: float
    drift: float = Field(description="how far its centre went since the snapshot before, in deviations of a feature")
    silhouette: float | None = Field(
        description="-1 to 1: how much nearer its users are to each other than to the next; null for a single one"
    )
    since_number: int = Field(description="the snapshot with which it appeared")
    traits: list[TraitView] = Field(description="those that set it apart most, first")
    exemplars: list[dict[str, float | None]] = Field(description="the features of some users at its heart")


class HappeningView(BaseModel):
    """What became of clusters from one snapshot to the next."""

    number: int = Field(description="the snapshot with which it happened")
    at: int = Field(description="milliseconds")
    what: Literal["appeared", "split", "merged", "faded", "returned"]
    cluster: str = Field(description="the one that it happened to, or that came out of it")
    others: list[str] = Field(description="what it split from, or was merged of")


def clusters_told(catalog: Catalog, model: Model) -> Mapping[str, Any]:
    """The members of an answer that are about clusters; None where there are none."""
    clusters = clusters_of(catalog, model)
    if clusters is None:
        return {"clusters": None, "happenings": None}
    features = catalog.registry.trained[model.id].snapshot.features
    return {
        "clusters": [_cluster(each, names_in(model.definition), features) for each in clusters.facts],
        "happenings": [_happening(each) for each in clusters.happenings],
    }


def names_of(catalog: Catalog, model: Model) -> Mapping[str, str]:
    """What the clusters of the live snapshot are called, and those that had been given a name, by id."""
    clusters = clusters_of(catalog, model)
    return {**{each.id: each.name for each in (clusters.facts if clusters else ())}, **names_in(model.definition)}


def was_there(catalog: Catalog, model: Model, cluster: str) -> bool:
    """Whether a cluster has, or had, this id."""
    clusters = clusters_of(catalog, model)
    return clusters is not None and int(cluster.removeprefix("c")) < clusters.next_id


def clusters_of(catalog: Catalog, model: Model) -> Clusters | None:
    """Those of the live snapshot, if it has any."""
    trained = catalog.registry.trained.get(model.id)
    return trained.snapshot.body if trained and isinstance(trained.snapshot.body, Clusters) else None


def names_in(definition: ModelDefinition) -> Mapping[str, str]:
    """Those that clusters were given, by id."""
    return definition.cluster_names if isinstance(definition, ClusterModel) else {}


def _cluster(facts: ClusterFacts, names: Mapping[str, str], features: Sequence[str]) -> dict[str, Any]:
    return {
        "id": facts.id,
        "name": names.get(facts.id, facts.name),
        "generated_name": facts.name,
        "size": facts.size,
        "share": facts.share,
        "drift": facts.drift,
        "silhouette": facts.silhouette,
        "since_number": facts.since_version,
        "traits": [trait._asdict() for trait in facts.traits],
        "exemplars": [dict(zip(features, vector, strict=False)) for vector in facts.exemplars],
    }


def _happening(happening: Happening) -> dict[str, Any]:
    return {
        "number": happening.version,
        "at": happening.at_ms,
        "what": happening.what,
        "cluster": happening.cluster,
        "others": happening.others,
    }
