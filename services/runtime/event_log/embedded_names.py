"""How the logs embedded in Redis are told apart: each has its own two keys in the hash slot of a partition."""

from typing import NamedTuple


class EmbeddedLog(NamedTuple):
    """A log by the names of its keys."""

    records: str
    ends: str

    def key(self, partition: int) -> str:
        """The stream that holds the partition's records."""
        return f"{{p{partition:02d}}}:{self.records}"

    def end_key(self, partition: int) -> str:
        """The counter that holds the offset of the partition's next record; absent while there has been none."""
        return f"{{p{partition:02d}}}:{self.ends}"


EVENTS = EmbeddedLog("log", "end")
CHANGES = EmbeddedLog("changes", "changes-end")
SAMPLES = EmbeddedLog("samples", "samples-end")
