"""Time zones by name: those of users and requests, and the one by which the clocks of a space go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})  # files beside the zones, which differ by machine
_OTHER_CLOCKS = ("posix/", "right/")


class UnknownTimeZone(ValueError):
    """There is no such zone in the IANA time zone database."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo | None:
    """The zone of the IANA time zone database with this name; None where there is none."""
    if name in _NO_PLACES or name.startswith(_OTHER_CLOCKS):
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # not found, not a name, the name of a folder
        return None


@dataclass(frozen=True)
class TimeZones:
    """By which zone calendar days begin in each space."""

    default: tzinfo = UTC
    by_space: Mapping[str, tzinfo] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Europe/Paris` or `Europe/Paris shop-us=America/New_York`, separated by spaces.

        A zone without a space is that of all other spaces. Raises UnknownTimeZone.
        """
        zones = {}
        for word in text.split():
            space, _, name = word.rpartition("=")
            zone = zone_named(name)
            if zone is None:
                raise UnknownTimeZone(f"{name!r} is no time zone; write one such as Europe/Paris")
            zones[space] = zone
        return cls(zones.pop("", UTC), zones)

    def of(self, space: str) -> tzinfo:
        return self.by_space.get(space, self.default)
