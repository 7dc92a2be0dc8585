"""The small pools that rules and histories are both drawn from, so that values match and windows' edges meet."""

from typing import Any

NOON_MS = 1_732_190_400_000

USER = "u-1"
TYPES = ("view", "view", "view", "cart", "buy")
PROPERTIES = ("category", "value", "item_id", "quantity", "brand")
CONTEXT_PATHS = ("device.type", "device.os", "geo.country")
FIELDS = PROPERTIES + tuple(f"context.{path}" for path in CONTEXT_PATHS)
TRAITS = ("vip", "tier", "age", "device.type")
LISTS = ("vip", "vip", "news")
REQUEST_PATHS = ("device.type", "geo.country", "channel")
DURATIONS_MS = (3_600_000, 1_000, 60_000, 86_400_000, 1, 2, 999, 1_001, 3_599_999, 30 * 86_400_000)

# "\uffff" comes before the emoji by code points and after it in UTF-16; the last two only look the same.
STRINGS = ("a", "b", "1", "true", "", "A", "\uffff", "\U0001f45f", "\u00e9", "e\u0301")
PLAIN_NUMBERS = (1, 2, 0, 1.0, 3, 0.1, 0.2, -1, 2.5)
# Halves of a millionth, sums that floats get wrong, the ends of what JSON carries, what a float cannot tell apart.
ODD_NUMBERS = (
    *(5e-7, 1.5e-6, 2.5e-6, 1.0000005, -5e-7, 1e-6, 0.30000000000000004, 5e-324, -0.0, 19.99),
    *(1e15, 1e16, 1e300, -1e300, 1.7e308, -1.7e308, 2**53, 2**53 + 1, 2**64 - 1, -(2**63)),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, {"a": "a"}),
    *(["a"], ["b", 1], [None, True, 1.0, "a"], [["a"]], [{"a": 1}], [0.1, 2]),
    *STRINGS,
    *ODD_NUMBERS,
)

# Of each zone, days that begin oddly or just after an odd one, and those that a week, a month or a year begins on.
DAYS_BY_ZONE = {
    "UTC": ("2024-01-01", "2024-02-29", "2024-09-02"),
    "Europe/Paris": ("2024-03-31", "2024-04-01", "2024-10-27", "2024-10-28", "2024-07-01"),
    "America/New_York": ("2024-03-10", "2024-03-11", "2024-11-03", "2024-11-04", "2024-11-01"),
    "Asia/Kathmandu": ("2024-03-01", "2024-09-01", "2024-09-02"),
    "America/Sao_Paulo": ("2018-11-04", "2018-11-05", "2018-02-18", "2018-02-19"),  # shifts at midnight
    "America/Havana": ("2024-03-10", "2024-11-03", "2024-11-04"),  # a midnight that is not, and one that comes twice
}
NOT_ZONES = ("Mars/Olympus", "Europe", "", "Europe/Paris ", 5, None, ["UTC"])
