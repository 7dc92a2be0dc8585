"""What models are told of the users of a batch: whom they sample, and who did what they foretell. Pure.

The law: a user is sampled where one would be whose events came one by one, however the log is cut into batches; once
for all that came together. Nothing is told of who did nothing, or whose consent does not permit it.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import NamedTuple

from services.runtime.event_log.port import Message
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership
from services.segmentation.models.features import BadFeature
from services.segmentation.models.registry import Model, segments_named
from services.segmentation.models.samples import Activity, Outcome, pseudonym
from services.segmentation.models.thinning import stays
from services.segmentation.profile import Profile
from services.segmentation.rules.scene import Scene
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.study import Study


class Drawn(NamedTuple):
    """What is told of a user."""

    messages: Sequence[Message] = ()
    """For the log of samples."""
    thinned: int = 0
    """Samples that are left out for the sake of a trainer that is behind."""


class Rules(NamedTuple):
    """What an operator says of sampling."""

    keep: KeepList
    zones: TimeZones
    pseudonym_key: bytes = b""
    consent_required: bool = False


class Sampling:
    """By one catalog."""

    def __init__(self, catalog: Catalog, rules: Rules) -> None:
        self.catalog, self._rules = catalog, rules
        found = {model.id: _study_of(model, catalog, rules.keep) for model in catalog.registry.models.values()}
        self.studies = [study for study in found.values() if study]
        self.unfit = [name for name, study in found.items() if not study]
        """The models that nobody can be sampled for here."""

    def draw(self, member: str, before: UserState, after: UserState, level: int) -> Drawn:
        """What is told of a user who was one and is the other, where samples are thinned to a level."""
        profile, membership = after.profile, after.membership
        if profile is None or membership is None or not self._may_tell(membership):
            return Drawn()
        user = pseudonym(keys.space_of(member), keys.user_id_of(member), self._rules.pseudonym_key)
        studies = [study for study in self.studies if study.permits(membership)]
        deeds = [
            study.message(Outcome(user, at_ms)) for study in studies for at_ms in study.deeds(before.profile, profile)
        ]
        was, now = Activity.of(before.profile) if before.profile else None, Activity.of(profile)
        asking = [study for study in studies if now.events and study.asks_for(user, was, now, membership)]
        if asking and not stays(user, profile.latest_ms, level):
            return Drawn(deeds, len(asking))
        scene_for = self._scenes(after, profile, self._rules.zones.of(keys.space_of(member)))
        return Drawn(deeds + [study.message(study.sample(user, scene_for(study), membership)) for study in asking])

    def _scenes(self, after: UserState, profile: Profile, zone: tzinfo) -> Callable[[Study], Scene]:
        """The user's memo where that holds what a study measures, for it is found there already; else one made anew."""
        memo, made = after.memo, Scene(profile, zone)
        if memo is None or not memo.tells_of(profile, self.catalog.index, zone):
            return lambda _: made
        return lambda study: memo if study.follows else made

    def _may_tell(self, membership: Membership) -> bool:
        return membership.purposes is not None or not self._rules.consent_required


def _study_of(model: Model, catalog: Catalog, keep: KeepList) -> Study | None:
    """None where a feature names what is not kept here, or a segment is not there or asks the ad request."""
    named = segments_named(model.definition)
    if not all(name in catalog.segments and not catalog.ready[name].asks for name in named):
        return None
    try:
        return Study.of(model, catalog, keep)
    except BadFeature:
        return None
