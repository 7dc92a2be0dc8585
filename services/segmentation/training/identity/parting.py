"""Whether what was one cluster is several now, and what were several one. Everything that decides it lives here.

The law: what had one name keeps it, however many centres an estimator sets there, unless a part of it is large enough
to be a cluster and lies apart: hardly anybody is in between, or, where there are people all the way to the next cluster
too, it is half as far away as that. A centre to spare that cuts a group into halves takes nobody's name away.

What had two names and a valley between them keeps both until the valley is filled and they are near to each other: then
two groups have become one, or a centre has left its group to cut another into halves. But for what would be much more
than the largest of the others: between one half of everybody and the other there are always some.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from services.segmentation.training.identity.folding import Heads, are_much, users_of
from services.segmentation.training.identity.places import View
from services.segmentation.training.identity.stakes import Stakes
from services.segmentation.training.identity.valleys import Pair, are_near, depth


def parted(view: View, cores: Mapping[str, int], known: Stakes, valleys: Collection[Pair], least_users: float) -> Heads:
    """By centre its head: the cores of clusters are, those of no cluster, and parts of `least_users` that lie apart."""
    heads: dict[int, int] = {}
    followers: dict[str, list[int]] = {cluster: [] for cluster in cores}
    others = set(range(len(view.centres))).difference(cores.values())
    for centre in sorted(others, key=lambda centre: (-view.users[centre], centre)):
        origin = known.came_from(centre)
        if origin in followers:
            followers[origin].append(centre)
        else:
            heads[centre] = centre
    for cluster, centres in followers.items():
        heads |= _parts(view, cores[cluster], centres, _far(view, cores, cluster, valleys), least_users)
    return heads


def joined(view: View, heads: Heads, cores: Mapping[str, int], known: Stakes, valleys: Iterable[Pair]) -> Heads:
    """`heads` with those as one between which there was a valley that is filled; the one with more people stays."""
    for pair in sorted(valleys):
        if cores.keys() >= set(pair) and depth(view, cores[pair[0]], cores[pair[1]]).is_filled_for_sure:
            goes, stays = (heads[cores[each]] for each in sorted(pair, key=lambda each: known.people(each).sum()))
            is_one = are_near(view, goes, stays, heads.values())
            if is_one and not are_much(users_of(view, heads), goes, stays):
                heads = {centre: stays if head == goes else head for centre, head in heads.items()}
    return heads


def _parts(view: View, core: int, others: Sequence[int], far: float, least_users: float) -> Heads:
    """Those that lie apart from the core, each a head with those that do not lie apart from it; the largest first."""
    heads = {core: core}
    for centre in others:
        known = dict.fromkeys(heads.values())
        heads[centre] = next((head for head in known if not _is_apart(view, head, centre, far)), centre)
    users = users_of(view, heads)
    return {centre: head if users[head] >= least_users else core for centre, head in heads.items()}


def _far(view: View, cores: Mapping[str, int], cluster: str, valleys: Collection[Pair]) -> float:
    """How far from its core a part lies apart without a valley: never, where there is one to the next cluster."""
    apart = view.centres_apart(cores[cluster])
    next_one = min(cores.keys() - {cluster}, key=lambda other: (apart[cores[other]], cores[other]), default=None)
    if next_one is None or (min(cluster, next_one), max(cluster, next_one)) in valleys:
        return float("inf")
    return float(apart[cores[next_one]]) / 2


def _is_apart(view: View, one: int, other: int, far: float) -> bool:
    return bool(view.centres_apart(one)[other] >= far) or depth(view, one, other).is_clear
