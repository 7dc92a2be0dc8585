"""The watermark of a partition as bytes: a plain number, or the mark of a repair, at which every worker stops."""

_REPAIR = b"repair "
_MAX_DIGITS = 19


class NoWatermark(ValueError):
    """What is stored is no offset. `repair` names the repair that is under way, or is None: it is something else."""

    def __init__(self, stored: bytes) -> None:
        self.repair = stored.split(b" ")[1].decode(errors="replace") if stored.startswith(_REPAIR) else None
        super().__init__(f"a repair is under way: {self.repair}" if self.repair else "the watermark is no number")


def decode_watermark(stored: bytes | None) -> int:
    """The offset of the next record to apply. Raises NoWatermark.

    Only as it is written itself: the script that moves a watermark compares bytes.
    """
    if stored is None:
        return 0
    if not stored.isdigit() or len(stored) > _MAX_DIGITS or (stored.startswith(b"0") and stored != b"0"):
        raise NoWatermark(stored)
    return int(stored)


def encode_repair(name: str, token: str) -> str:
    """The mark of a repair; its `token` tells it from another attempt at the same."""
    return f"{_REPAIR.decode()}{name} {token}"


def applied_at_least(stored: bytes | None) -> int:
    """The watermark, and 0 where there is none: nothing is certain to be applied while a repair is under way."""
    try:
        return decode_watermark(stored)
    except NoWatermark:
        return 0
