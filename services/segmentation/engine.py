"""One user's step: events in, the next profile and membership out. The worker's whole business logic."""

from collections.abc import Iterable
from typing import NamedTuple

from services.segmentation.catalog import Catalog
from services.segmentation.events import Event
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile, add_all


class UserState(NamedTuple):
    """What is stored of a user. No profile means that the user is not known yet."""

    profile: Profile | None = None
    membership: Membership | None = None


def step(state: UserState, events: Iterable[Event], catalog: Catalog, keep: KeepList) -> UserState:
    """Fold events, in order of arrival, into a user's state; the same object when nothing changes."""
    profile = add_all(state.profile, events, keep)
    return refresh(UserState(profile, state.membership), catalog) if profile is not state.profile else state


def refresh(state: UserState, catalog: Catalog) -> UserState:
    """Work the membership out anew, for a changed profile or a changed catalog."""
    if state.profile is None:
        return state
    return UserState(state.profile, judge(state.profile, catalog, state.membership))
