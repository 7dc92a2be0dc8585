"""Clusters that are too small to stand for themselves. Everything that decides to which they are counted lives here.

The law: a smaller one is counted to its nearest neighbour, the smallest first, until each that is left is large enough
or there is but one. What is enough is said for each, so that one with a name can be given more time than a new one.
"""

from collections.abc import Mapping

import numpy as np

from services.segmentation.training.identity.places import View

Heads = Mapping[int, int]
"""By centre, the one that gives both their name; a head is its own."""
MUCH_MORE = 2.0


def folded(view: View, heads: Heads, enough: Mapping[int, float]) -> Heads:
    """`heads` with those of fewer users than `enough`, by head, counted to others."""
    while True:
        users = users_of(view, heads)
        small = [head for head in users if users[head] < enough[head]]
        if not small or len(users) == 1:
            return heads
        smallest = min(small, key=lambda head: (users[head], head))
        neighbour = _neighbour(view, heads, smallest)
        heads = {centre: neighbour if head == smallest else head for centre, head in heads.items()}


def led(view: View, heads: Heads) -> Heads:
    """`heads` with the centre of most users at the head where the one that was there has less than half as many."""
    largest = {
        head: max(_own(heads, head), key=lambda centre: (view.users[centre], -centre)) for head in heads.values()
    }
    leaders = {head: other if view.users[other] > 2 * view.users[head] else head for head, other in largest.items()}
    return {centre: leaders[head] for centre, head in heads.items()}


def users_of(view: View, heads: Heads) -> Mapping[int, int]:
    """By head, the users of all centres that it stands for."""
    users = dict.fromkeys(heads.values(), 0)
    for centre, head in heads.items():
        users[head] += int(view.users[centre])
    return users


def are_much(users: Mapping[int, int], one: int, other: int) -> bool:
    """Whether two heads would be much more together than the largest of the others, if there are any."""
    rest = [count for head, count in users.items() if head not in (one, other)]
    return bool(rest) and users[one] + users[other] > MUCH_MORE * max(rest)


def first_rows(view: View, heads: Heads) -> Mapping[int, int]:
    """By head, the number of the first user of all centres that it stands for; beyond all users where it has none."""
    first = dict.fromkeys(heads.values(), view.everybody)
    for centre, head in heads.items():
        if view.users[centre]:
            first[head] = min(first[head], int(np.argmax(view.nearest == centre)))
    return first


def _neighbour(view: View, heads: Heads, head: int) -> int:
    """The head of the centre that is nearest to one of a head's own."""
    own = _own(heads, head)
    others = [centre for centre in heads if heads[centre] != head]
    apart = np.stack([view.centres_apart(centre)[others] for centre in own])
    return heads[others[int(apart.min(axis=0).argmin())]]


def _own(heads: Heads, head: int) -> list[int]:
    return [centre for centre in heads if heads[centre] == head]
