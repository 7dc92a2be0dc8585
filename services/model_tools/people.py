"""The profiles of all users of a recording. Those who were not seen lately are packed, as they are stored in Redis."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from services.segmentation.events import Event
from services.segmentation.keep import KeepList
from services.segmentation.models.samples import pseudonym
from services.segmentation.profile import Profile, add_all, digests
from services.segmentation.wire.profile import decode_profile, encode_profile

AWAKE = 10_000
"""Users whose profiles are at hand."""


class Person(NamedTuple):
    """A user at a moment."""

    user: int
    """The pseudonym."""
    space: str
    profile: Profile


class Step(NamedTuple):
    """What an event has come to."""

    person: Person
    before: Profile | None
    """The user's profile before it; None where it is the first."""


class _Awake(NamedTuple):
    profile: Profile
    known: set[int]


_Name = tuple[int, str]


class People:
    def __init__(self, keep: KeepList, awake: int = AWAKE) -> None:
        self._keep, self._most = keep, awake
        self._awake: OrderedDict[_Name, _Awake] = OrderedDict()
        self._asleep: dict[_Name, bytes] = {}

    def __len__(self) -> int:
        return len(self._awake) + len(self._asleep)

    def add(self, event: Event) -> Step | None:
        """Fold an event into its user's profile; None where it was known already."""
        user = pseudonym(event.space, event.user_id)
        name = user, event.space
        before, known = self._woken(name)
        profile = add_all(before, [event], self._keep, known)
        assert profile is not None
        self._awake[name] = _Awake(profile, known)
        if len(self._awake) > self._most:
            sleepy, (theirs, _) = self._awake.popitem(last=False)
            self._asleep[sleepy] = encode_profile(theirs)
        if profile is before:
            return None
        return Step(Person(user, event.space, profile), before)

    def everybody(self) -> Iterator[Person]:
        """As they are now, who was there last at the end. They are unpacked one by one."""
        for _, user, space in sorted((self._at(name).latest_ms, *name) for name in (*self._awake, *self._asleep)):
            yield Person(user, space, self._at((user, space)))

    def _at(self, name: _Name) -> Profile:
        return self._awake[name].profile if name in self._awake else decode_profile(self._asleep[name])

    def _woken(self, name: _Name) -> tuple[Profile | None, set[int]]:
        awake = self._awake.pop(name, None)
        if awake is not None:
            return awake
        asleep = self._asleep.pop(name, None)
        if asleep is None:
            return None, set()
        profile = decode_profile(asleep)
        return profile, digests(profile)
