"""What a memory is made of where clusters were named by another training, and nothing but their snapshot is there."""

from collections.abc import Mapping, Sequence

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training.identity.memory import MOST_GONE, Memory
from services.segmentation.training.identity.places import View, remembered
from services.segmentation.training.identity.valleys import depths


def taken_over(clusters: Clusters, scale: Scale, rows: Sequence[Vector]) -> Memory:
    """How far the clusters reach and how clear of each other they lie is measured by the users that `rows` are of."""
    bare = Memory(happenings=clusters.happenings, retired=clusters.retired[-MOST_GONE:], next_id=clusters.next_id)
    if not clusters.centres:
        return bare
    view = View(clusters.centres, clusters.power, scale, rows)
    ids = [clusters.ids[clusters.centres.index(centre)] for centre in view.centres]
    cores = _cores(view, ids)
    return bare.at(remembered(view, cores, ids, ()), depths(view, cores))


def _cores(view: View, ids: Sequence[str]) -> Mapping[str, int]:
    """By cluster, the centre where most of its people are."""
    by_users = sorted(range(len(ids)), key=lambda centre: (view.users[centre], -centre))
    return {ids[centre]: centre for centre in by_users}
