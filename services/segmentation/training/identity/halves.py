"""Halves of one group that a centre to spare has cut. Everything that decides it lives here.

The law: two are halves where most of their people are in the middle, they are near to each other, hardly anybody is
between them and any of the others, and together they are not much more than the largest of those. So one group among
others is made whole, and nothing is where there are no groups: who asks for six parts of people that are all alike gets
six. If halves had two names, one of them would end when a new group takes the centre that was to spare.
"""

from collections.abc import Iterator, Mapping

from services.segmentation.training.identity.folding import Heads, are_much, users_of
from services.segmentation.training.identity.places import View
from services.segmentation.training.identity.stakes import Stakes
from services.segmentation.training.identity.valleys import are_near, are_next, depth


def made_whole(view: View, heads: Heads, cores: Mapping[str, int], known: Stakes) -> Heads:
    """`heads` with halves as one; the one of a cluster with more people stays. `cores` are the clusters' by id."""
    people = {core: int(known.people(cluster).sum()) for cluster, core in cores.items()}
    users = users_of(view, heads)
    for pair in _halves(view, users):
        goes, stays = sorted(pair, key=lambda head: (people.get(head, -1), users[head], -head))
        heads = {centre: stays if head == goes else head for centre, head in heads.items()}
    return heads


def _halves(view: View, users: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Two heads each; none is in two pairs, for between any two pairs there is hardly anybody."""
    for one in users:
        for other in users:
            rest = [each for each in users if each not in (one, other)]
            if one < other and rest and not are_much(users, one, other):
                ends = (one, other)
                is_one = depth(view, *ends).is_filled and are_near(view, *ends, rest)
                if is_one and all(_is_clear(view, end, each) for end in ends for each in rest):
                    yield ends


def _is_clear(view: View, one: int, other: int) -> bool:
    return not are_next(view, one, other) or depth(view, one, other).is_clear
