"""Which tests go to the same process of those that run side by side (`--dist loadgroup`), and which go first.

Tests of a group lean on the same servers, which take seconds to start, so one process has them all. Any others go by
their files. pytest-xdist would read groups from marks, but hands them on in the names of tests, and from pytest 9.2 on
(pytest-xdist issue 1386) it does so in vain and in silence.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

GROUPS = {
    "three brokers": ("behaviour/", "faults/kafka/"),
    "one broker": (
        *("dead_letters/", "faults/redis/", "faults/test_backup", "repair/", "secure/", "upgrade/", "webhooks/"),
        *("test_event_log", "test_kafka_log", "test_kill", "test_servers", "stream_worker/test_changes_lost"),
        *("stream_worker/test_sampler", "trainer/test_on_kafka"),
    ),
}
FIRST = ("one broker", "simulation/", "segmentation/", "rules_reference/", "three brokers")
"""What takes long, so that no process is left with it in the end; and three brokers, which take a tenth of a processor
even when nobody asks them anything, not before they are needed."""


class SideBySide(LoadScopeScheduling):  # type: ignore[misc]
    """Deals out whole groups, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The name of the test's group, or of its file."""
    file = nodeid.partition("::")[0]
    path = file.removeprefix("tests/")
    return next((name for name, paths in GROUPS.items() if path.startswith(paths)), file)


def turn_of(nodeid: str) -> int:
    """What goes first, in its order, then all the rest."""
    group = group_of(nodeid).removeprefix("tests/")
    return next((turn for turn, name in enumerate(FIRST) if group.startswith(name)), len(FIRST))
