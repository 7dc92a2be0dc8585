"""What a training for an edited definition takes over from the last snapshot for the one before.

Versions go on. Ids of clusters do too: none is ever given to another group, and where the features are the same, groups
keep theirs. With other features nobody can tell which group was which, so the clusters that there were are gone.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.segmentation.models.definition import ClusterModel, ModelDefinition
from services.segmentation.models.snapshots import Clusters, Happening, Snapshot, Trained


def taken_over(before: Trained, definition: ModelDefinition, features: Sequence[str]) -> Snapshot:
    """The snapshot of `before`, without what means nothing to a training for `definition`."""
    snapshot = before.snapshot
    if not isinstance(snapshot.body, Clusters) or _has_features(before, definition, features):
        return snapshot
    return replace(snapshot, body=_gone(snapshot.body, snapshot))


def _has_features(before: Trained, definition: ModelDefinition, features: Sequence[str]) -> bool:
    return (
        isinstance(before.definition, ClusterModel)
        and isinstance(definition, ClusterModel)
        and before.definition.features == definition.features
        and before.snapshot.features == tuple(features)
    )


def _gone(clusters: Clusters, snapshot: Snapshot) -> Clusters:
    ids = sorted(set(clusters.ids), key=lambda cluster: int(cluster[1:]))
    faded = (Happening(snapshot.version + 1, snapshot.at_ms, "faded", cluster) for cluster in ids)
    return Clusters(
        centres=(),
        ids=(),
        happenings=(*clusters.happenings, *faded),
        retired=(*clusters.retired, *ids),
        next_id=clusters.next_id,
    )
