"""The names of Redis keys. All that belongs to a partition shares its hash tag, and so one slot of a cluster."""

from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS, Stretch

CATALOG = "tranche:catalog"
PARTITIONS = "tranche:partitions"
HISTORY_TURN = "{tranche:catalog}:history-turn"
"""Held by the process that took the last sample of the sizes, until the next one is due."""

TRAININGS = "{tranche:catalog}:trainings"
"""A hash with each model of which a training may be stored; in it, what keeps it from learning, else nothing."""
TRAINER = "{tranche:catalog}:trainer"
"""What the trainer of models tells the workers: how much it has still to learn."""

_UNITS = {MINUTE_MS: "m", HOUR_MS: "h", DAY_MS: "d"}


def watermark(partition: int) -> str:
    """The offset of the next record to apply."""
    return f"{_tag(partition)}:wm"


def refreshed(partition: int) -> str:
    """The catalog version that every membership of the partition has reached."""
    return f"{_tag(partition)}:refreshed"


def refreshing(partition: int) -> str:
    """How far the pass is that brings the memberships up to date: version, members walked over, members in all."""
    return f"{_tag(partition)}:refreshing"


def turn(partition: int) -> str:
    """A name for the last write to the partition, never used before, when it was, and the wheel of its counts."""
    return f"{_tag(partition)}:turn"


def spaces(partition: int) -> str:
    """A list of the spaces that are counted; the place in it is the number of a space."""
    return f"{_tag(partition)}:spaces"


def sizes(partition: int) -> str:
    """A hash of users by counter: the sum of all boundaries that are over."""
    return f"{_tag(partition)}:sizes"


def sizes_in(partition: int, stretch: Stretch) -> str:
    """The same of the boundaries in one stretch."""
    return f"{_tag(partition)}:sizes:{_named(stretch)}"


def moments_in(partition: int, stretch: Stretch) -> str:
    """A list of records: each boundary in one stretch."""
    return f"{_tag(partition)}:moments:{_named(stretch)}"


def snapshots(model: str) -> str:
    """A hash of what a model has learned: by number, a snapshot with the definition that it was trained for."""
    return f"{{{CATALOG}}}:snapshots:{model}"


def moves(model: str) -> str:
    """Who went from one class of a model to another, as its newest snapshot knows."""
    return f"{{{CATALOG}}}:moves:{model}"


def training(model: str) -> str:
    """A hash of where the training of a model is: what it holds, and the next sample to learn."""
    return f"{{{CATALOG}}}:training:{model}"


def size_history(space: str) -> str:
    """A stream of samples of the sizes in one space."""
    return f"{{{CATALOG}}}:sizes:{space}"


def users(partition: int) -> str:
    """A sorted set of the partition's members by the time of their latest event."""
    return f"{_tag(partition)}:users"


def told(partition: int) -> str:
    """A hash of what was told of each member; only where the changes stream is written, as the three after it."""
    return f"{_tag(partition)}:told"


def due(partition: int) -> str:
    """A sorted set of the members of whom time will have something to tell, by when."""
    return f"{_tag(partition)}:due"


def telling(partition: int) -> str:
    """A hash: the offset at which telling began, and how many changes wait in the outbox."""
    return f"{_tag(partition)}:telling"


def outbox(partition: int) -> str:
    """A stream of the changes that the changes log may not have yet."""
    return f"{_tag(partition)}:outbox"


def profile(partition: int, member: str) -> str:
    return f"{_tag(partition)}:s:{member}"


def membership(partition: int, member: str) -> str:
    return f"{_tag(partition)}:m:{member}"


def member(space: str, user_id: str) -> str:
    """One name for a user within a space; a space has no colon, so it is unambiguous."""
    return f"{space}:{user_id}"


def space_of(member: str) -> str:
    return member.partition(":")[0]


def user_id_of(member: str) -> str:
    return member.partition(":")[2]


def _named(stretch: Stretch) -> str:
    return f"{_UNITS[stretch.length_ms]}{stretch.begin_ms // stretch.length_ms}"


def _tag(partition: int) -> str:
    return f"{{p{partition:02d}}}"
