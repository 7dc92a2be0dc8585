"""One user's step: facts in, the next profile and membership out. The worker's whole business logic."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import NamedTuple

from services.segmentation.catalog import Catalog
from services.segmentation.events import Fact
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile, add_all


class UserState(NamedTuple):
    """What is stored of a user. No profile means that the user is not known yet."""

    profile: Profile | None = None
    membership: Membership | None = None


def step(state: UserState, facts: Iterable[Fact], catalog: Catalog, keep: KeepList, zone: tzinfo) -> UserState:
    """Fold what the log tells, in order of arrival, into a user's state; the same object when nothing changes.

    `zone` is that of the calendar of the user's space.
    """
    profile = add_all(state.profile, facts, keep)
    if profile is None or profile is state.profile:
        return state
    return UserState(profile, judge(profile, catalog, zone, state.membership))


def refresh(state: UserState, catalog: Catalog, zone: tzinfo) -> UserState:
    """Bring the membership up to the catalog: only what was edited since is evaluated.

    Everything is where the membership is of a newer one, which Redis then has lost.
    """
    if state.profile is None:
        return state
    before = state.membership
    follows = before is not None and before.catalog_version <= catalog.version
    only = catalog.edited_since(before.catalog_version) if before is not None and follows else None
    return UserState(state.profile, judge(state.profile, catalog, zone, before, only=only))
