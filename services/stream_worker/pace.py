"""How often work is done that is in no hurry, so that it takes no more than a part of the time. Pure."""

SHARE = 0.2


class Pace:
    def __init__(self) -> None:
        self._next_s = float("-inf")

    def left_s(self, now_s: float) -> float:
        """For how long it is still to rest."""
        return max(0.0, self._next_s - now_s)

    def note(self, begun_s: float, now_s: float) -> None:
        """It was done from one moment until another."""
        self._next_s = now_s + (now_s - begun_s) * (1 / SHARE - 1)
