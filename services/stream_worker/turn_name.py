"""The name of the last write to a partition: no two writes share one, and it says how that write left the partition.

Earlier releases gave names without the rest, and still read none of it.
"""

from typing import NamedTuple, Self


class TurnName(NamedTuple):
    unique: str = ""
    newest: int = 0
    """No membership of the partition is of a newer version of the catalog."""
    tells: bool = False
    """Whether what was told of users is kept as well."""

    def encode(self) -> str:
        return f"{self.unique}@{self.newest}{'+' if self.tells else ''}"

    @classmethod
    def decode(cls, turn: bytes | None) -> Self:
        """Of the whole turn as it is stored, if any."""
        name = (turn or b"").partition(b" ")[0].decode()
        unique, _, newest = name.removesuffix("+").partition("@")
        return cls(unique, int(newest or 0), name.endswith("+"))
