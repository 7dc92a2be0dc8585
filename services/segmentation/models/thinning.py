"""How many samples are left out where a trainer does not keep up. Outcomes never are: a sample whose outcome is missing
would be learned as one of somebody who did not do it.

The law: what stays at one level stays at all lower ones, and which samples these are follows from themselves alone, so
it is the same whoever asks.
"""

from hashlib import blake2b

MOST = 10
"""Levels: 1 in 1,024 samples stays."""
FREE_BACKLOG = 5_000
"""Records that wait for the trainer, up to which nothing is left out."""
MINUTE_MS = 60_000


def level(backlog: int, silent_ms: int) -> int:
    """At 1 each second sample stays, at 2 each fourth, and so on; 0 leaves out none.

    One more with each doubling of the records that wait, from `FREE_BACKLOG` on, and of the minutes since the trainer
    was heard of.
    """
    waiting = (max(0, backlog - 1) // FREE_BACKLOG).bit_length()
    silent = (max(0, silent_ms) // MINUTE_MS).bit_length()
    return min(MOST, waiting + silent)


def stays(user: int, at_ms: int, at_level: int) -> bool:
    """Whether a sample is one of those that are left at a level."""
    digest = blake2b(b"%d %d" % (user, at_ms), digest_size=4).digest()
    return int.from_bytes(digest) % (1 << at_level) == 0
