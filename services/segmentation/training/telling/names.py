"""Readable names of clusters, "evening mobile sport readers": which claims go into one, and how they are put.

Names keep calm: a name stays while all that it says still holds, be it weakly, and something of it is among what sets
the cluster apart most. So it changes when it has become wrong, and not when another would be a little better.
Within a model no two clusters have the same name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from services.segmentation.training.telling.claims import Claim
from services.segmentation.training.telling.roles import USERS, joined_by
from services.segmentation.training.telling.sayings import GONE, Slot

LONGEST = 60
USUAL = f"typical {USERS.people}"
"""Of whom nothing can be said that is not said of others."""
MOST_CLAIMS = 3
ENOUGH = 2
"""Claims, with which it goes without saying how long people have been there, and what they do not do."""
_BESIDES: AbstractSet[Slot] = frozenset({"tenure", "lack"})
FOREMOST = 3
NOT_WORTH_SAYING = 0.3
"""Of the strength of the strongest claim."""
_GONE: AbstractSet[str] = frozenset(GONE)
_HERE: AbstractSet[str] = frozenset({"frequent", "new"})
"""What nobody is who has gone."""
_ALONE = (*GONE, "hardly active")
"""What needs nobody to be said of."""
_BEFORE_PEOPLE: Sequence[Slot] = ("state", "tenure", "degree", "often", "worth", "when", "device", "who")
_ROOM_OF_ID = 8

Words = Mapping[Slot, tuple[str, ...]]


def names(claims: Mapping[str, Sequence[Claim]], before: Mapping[str, str]) -> Mapping[str, str]:
    """By cluster. `claims` are of each cluster, the strongest first, `before` the names at the snapshot before."""
    called: dict[str, str] = {}
    for each, may_be_said in claims.items():
        name = before.get(each, "")
        if name not in called.values() and _still_holds(name, may_be_said):
            called[each] = name
    for each, may_be_said in claims.items():
        if each not in called:
            called[each] = _new(each, may_be_said, called.values(), before.get(each, ""))
    return {each: called[each] for each in claims}


def _new(cluster: str, claims: Sequence[Claim], taken: Collection[str], before: str) -> str:
    """With an id where nothing else tells two apart; one that was called so is called better as soon as it can be."""
    firm = [claim for claim in claims if claim.firm]
    said = _said(claim for claim in firm if claim.strength >= NOT_WORTH_SAYING * firm[0].strength)
    for claim in firm:
        if _put(said) not in taken:
            break
        said = _with(said, claim) or said
    name = _put(said)
    if name not in taken:
        return name
    still_holds = before.endswith(_id(cluster)) and _still_holds(before.removesuffix(_id(cluster)), claims)
    return before if still_holds else name + _id(cluster)


def _id(cluster: str) -> str:
    """What tells two apart of whom the same can be said."""
    return f" ({cluster})"


def _still_holds(name: str, claims: Sequence[Claim]) -> bool:
    firm = [claim for claim in claims if claim.firm]
    holding = [claim for claim in claims if all(f" {word} " in f" {name} " for _, word in claim.words)]
    if name == USUAL:
        return not firm
    return _put(_said(holding, len(holding))) == name and any(claim in holding for claim in firm[:FOREMOST] or holding)


def _said(claims: Iterable[Claim], most: int = MOST_CLAIMS) -> Words:
    """The first claims that have something to add and fit together."""
    said: Words = {}
    added = 0
    for claim in claims:
        more = _with(said, claim)
        is_enough = added >= (min(most, ENOUGH) if _BESIDES & dict(claim.words).keys() else most)
        if not is_enough and more is not None and more != said:
            said, added = more, added + 1
    return said


def _with(said: Words, claim: Claim) -> Words | None:
    """None where a place is taken by something else, or the name becomes too long.

    Who does much, or is new, has not gone. What people spend is not told beside what they spend it on: a flat costs
    more than a dress, whoever looks at it.
    """
    words = dict(claim.words)
    if "worth" in words and "topic" in said:
        return None
    more = {slot: each for slot, each in said.items() if slot != "worth" or "topic" not in words}
    for slot, word in words.items():
        room = 2 if slot == "topic" else 1
        more[slot] = tuple(sorted({*more.get(slot, ()), word}))
        if len(more[slot]) > room:
            return None
    if not _GONE.isdisjoint(more.get("state", ())) and _HERE & {*more.get("often", ()), *more.get("tenure", ())}:
        return None
    return more if len(_put(more)) <= LONGEST - _ROOM_OF_ID else None


def _put(said: Words) -> str:
    """In the order of a name, whatever the order in which it was said."""
    if not said:
        return USUAL
    first = [word for slot in _BEFORE_PEOPLE for word in said.get(slot, ())]
    last = [*said.get("how", ()), *(f"who {word}" for word in said.get("lack", ()))]
    nobody = first in ([each] for each in _ALONE) and not last and "people" not in said
    return " ".join(dict.fromkeys([*first, *([] if nobody else [_people(said)]), *last]))


def _people(said: Words) -> str:
    people = said.get("people", (USERS.people,))[0]
    topics = said.get("topic", ())
    if not topics:
        return people
    if joined_by(people) is None and all(topic.isalpha() for topic in topics):
        return f"{' and '.join(topics)} {people}"
    return f"{people} {joined_by(people) or 'of'} {' and '.join(topics)}"
