"""Which zone's clocks a space goes by."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from services.segmentation.time_zones import TimeZones, UnknownTimeZone, zone_named


def test_one_zone_for_all_and_others_for_single_spaces() -> None:
    zones = TimeZones.parse("Europe/Paris shop-us=America/New_York")
    assert zones.of("default") == ZoneInfo("Europe/Paris")
    assert zones.of("shop-us") == ZoneInfo("America/New_York")
    assert TimeZones.parse("shop-us=America/New_York").of("default") is UTC


@pytest.mark.parametrize(
    "name",
    ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/passwd", "", "Europe/Paris\n", "posixrules", "right/UTC"],
)
def test_what_is_no_zone_is_told_apart(name: str) -> None:
    assert zone_named(name) is None


def test_an_operator_is_told_which_name_is_wrong() -> None:
    with pytest.raises(UnknownTimeZone, match="Mars"):
        TimeZones.parse("shop=Mars/Olympus")
