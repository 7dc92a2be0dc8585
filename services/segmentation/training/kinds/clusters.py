"""Groups that find themselves: a clusterer's centres, the names that stay with them, and what is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import ClusterFacts, Clusters, Snapshot
from services.segmentation.training.identity.naming import Identity
from services.segmentation.training.learner import Kind, Occasion, Population
from services.segmentation.training.port import State
from services.segmentation.training.river import clusterers
from services.segmentation.training.telling.facts import FeatureText, facts

MOST_NAMES = 256
"""That are remembered, those of clusters that went among them: one that returns is called as it was."""


def kind_of(definition: ClusterModel) -> Kind:
    return Kind(
        begin=lambda population: _Grouping(definition, _clusterer(definition, population)),
        resume=lambda state, _: _Grouping.resume(definition, state),
        has_classes=True,
    )


class _Grouping:
    def __init__(
        self, definition: ClusterModel, clusterer: clusterers.Clusterer, identity: Identity | None = None
    ) -> None:
        """Without an `identity` it is that of the clusters of the snapshot before, if there are any."""
        self._definition, self._clusterer, self._identity = definition, clusterer, identity
        self._names: Mapping[str, str] = {}

    @classmethod
    def resume(cls, definition: ClusterModel, state: State) -> "_Grouping":
        clusterer = clusterers.restore(definition.estimator, definition.parameters, state["clusterer"])
        identity = None if state["identity"] is None else Identity.restore(state["identity"])
        grouping = cls(definition, clusterer, identity)
        grouping._names = dict(state["names"])
        return grouping

    def learn(self, _: Sample, scaled: Scaled) -> None:
        self._clusterer.learn(scaled)

    def restart(self, population: Population) -> None:
        self._clusterer = _clusterer(self._definition, population)

    def body(self, occasion: Occasion) -> Clusters:
        population, version = occasion.population, occasion.version
        self._clusterer.renew(population.scaled)
        self._identity = self._identity or _identity_after(occasion)
        clusters = self._identity.name(
            self._clusterer.centres(),
            self._clusterer.power,
            population.scale,
            population.features,
            self._definition.minimum_share,
            version,
            occasion.at_ms,
            occasion.gone_to,
        )
        texts = [FeatureText(name, term) for name, term in self._definition.features.items()]
        before = _in_scale(occasion.before, population.scale)
        told = facts(clusters, population.scale, texts, population.features, before, version, self._names)
        self._names = _latest({**self._names}, told)
        return replace(clusters, facts=told, moves=occasion.moves)

    def state(self) -> State:
        return {
            "clusterer": self._clusterer.state(),
            "identity": self._identity and self._identity.state(),
            "names": [[each, name] for each, name in self._names.items()],
        }


def _latest(names: dict[str, str], told: Sequence[ClusterFacts]) -> Mapping[str, str]:
    """With what is told now at the end, and without those that have long gone."""
    for each in told:
        names.pop(each.id, None)
        names[each.id] = each.name
    return dict([*names.items()][-MOST_NAMES:])


def _clusterer(definition: ClusterModel, population: Population) -> clusterers.Clusterer:
    return clusterers.start(definition.estimator, definition.parameters, population.scaled)


def _identity_after(occasion: Occasion) -> Identity:
    before = occasion.before
    if before is None:
        return Identity()
    assert isinstance(before.body, Clusters)
    return Identity.after(before.body, before.scale, occasion.population.features)


def _in_scale(before: Snapshot | None, scale: Scale) -> Clusters | None:
    """The clusters of the snapshot before, as they are seen now."""
    if before is None:
        return None
    assert isinstance(before.body, Clusters)
    if before.scale == scale:
        return before.body
    centres = tuple(scale.scaled(before.scale.unscaled(centre)) for centre in before.body.centres)
    return replace(before.body, centres=centres)
