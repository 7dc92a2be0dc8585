"""The names of Redis keys. All that belongs to a partition shares its hash tag, and so one slot of a cluster."""

CATALOG = "tranche:catalog"
PARTITIONS = "tranche:partitions"


def watermark(partition: int) -> str:
    """The offset of the next record to apply."""
    return f"{_tag(partition)}:wm"


def refreshed(partition: int) -> str:
    """The catalog version that every membership of the partition has reached."""
    return f"{_tag(partition)}:refreshed"


def users(partition: int) -> str:
    """A sorted set of the partition's members by the time of their latest event."""
    return f"{_tag(partition)}:users"


def profile(partition: int, member: str) -> str:
    return f"{_tag(partition)}:s:{member}"


def membership(partition: int, member: str) -> str:
    return f"{_tag(partition)}:m:{member}"


def member(space: str, user_id: str) -> str:
    """One name for a user within a space; a space has no colon, so it is unambiguous."""
    return f"{space}:{user_id}"


def _tag(partition: int) -> str:
    return f"{{p{partition:02d}}}"
