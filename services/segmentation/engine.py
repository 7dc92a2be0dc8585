"""One user's step: facts in, the next profile and membership out. The worker's whole business logic.

A rule is evaluated again only where a leaf of it says something else than before; what nothing concerned stays as it
was. That gives exactly what evaluating everything would, and is much less work.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo

from services.segmentation.catalog import Catalog
from services.segmentation.events import Fact
from services.segmentation.intervals import START
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership, judge, membership_of
from services.segmentation.memo import Memo
from services.segmentation.profile import Profile, add_all

_NOBODY = Profile(None, START)


@dataclass(frozen=True, slots=True)
class UserState:
    """What is stored of a user. No profile means that the user is not known yet."""

    profile: Profile | None = None
    membership: Membership | None = None
    memo: Memo | None = field(default=None, repr=False, compare=False)
    """Not stored. It moves on to the next state; one that it has left is as right as one that never had any."""


def step(state: UserState, facts: Iterable[Fact], catalog: Catalog, keep: KeepList, zone: tzinfo) -> UserState:
    """Fold what the log tells, in order of arrival, into a user's state; the same object when nothing changes.

    `zone` is that of the calendar of the user's space.
    """
    index, memo = catalog.index, state.memo
    if memo is None or not memo.tells_of(state.profile, index, zone):
        memo = Memo(index, state.profile or _NOBODY, zone, catalog.outputs)
    memo.listen_to(catalog.outputs)
    known = memo.depart()
    profile = add_all(state.profile, facts, keep, known)
    if profile is None or profile is state.profile:
        memo.arrive(known)
        return state
    found = memo.follow(profile, _untold(state, catalog, is_loaded=memo is not state.memo))
    if state.profile is None:
        found = {**index.true_of_nobody, **found}
    memo.arrive(known)
    before = state.membership
    return UserState(profile, membership_of(profile, catalog, found, before, carries=_tells(before, catalog)), memo)


def _untold(state: UserState, catalog: Catalog, *, is_loaded: bool) -> Iterable[int]:
    """The numbers of the rules of which what is stored of a user does not tell, whatever happens.

    What was loaded may have been worked out by the clocks of another zone.
    """
    index, before = catalog.index, state.membership
    if state.profile is None:
        return index.by_models
    if before is None or not _tells(before, catalog):
        return range(len(index.rules))
    old = () if before.catalog_version == catalog.version else catalog.outdated_since(before.catalog_version)
    return [*(index.numbers[segment_id] for segment_id in old), *(index.by_calendar if is_loaded else ())]


def _tells(before: Membership | None, catalog: Catalog) -> bool:
    """Whether a membership is right about what was not edited since, for as long as it says."""
    return before is not None and before.exact_until_ms is None and before.catalog_version <= catalog.version


def refresh(state: UserState, catalog: Catalog, zone: tzinfo) -> UserState:
    """Bring the membership up to the catalog: only what was edited since is evaluated, or what models say otherwise.

    Everything is where the membership is of a newer one, which Redis then has lost.
    """
    if state.profile is None:
        return state
    before = state.membership
    follows = before is not None and before.catalog_version <= catalog.version
    only = catalog.outdated_since(before.catalog_version) if before is not None and follows else None
    return UserState(state.profile, judge(state.profile, catalog, zone, before, only=only))
