"""Few users are busy and most are hardly ever seen: user number k comes with a chance proportional to 1 / k ** s."""

import math
from random import Random


class Zipf:
    """Draws numbers from 1 to `users` in constant time and without a table, however many users there are.

    Rejection-inversion after W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from monotone
    discrete distributions", ACM TOMACS 6 (1996). `exponent` is positive.
    """

    def __init__(self, users: int, exponent: float) -> None:
        self._exponent, self._users = exponent, users
        self._low = self._area(1.5) - 1.0
        self._high = self._area(users + 0.5)
        self._sure = 2.0 - self._inverse(self._area(2.5) - self._chance(2.0))

    def draw(self, random: Random) -> int:
        while True:
            place = self._high + random.random() * (self._low - self._high)
            at = self._inverse(place)
            number = min(self._users, max(1, int(at + 0.5)))
            if number - at <= self._sure or place >= self._area(number + 0.5) - self._chance(number):
                return number

    def _chance(self, at: float) -> float:
        return math.exp(-self._exponent * math.log(at))

    def _area(self, at: float) -> float:
        """The integral of the chance, up to a constant."""
        log = math.log(at)
        step = (1.0 - self._exponent) * log
        return log if step == 0 else math.expm1(step) / step * log

    def _inverse(self, area: float) -> float:
        step = max(-1.0, area * (1.0 - self._exponent))
        return math.exp(area if step == 0 else math.log1p(step) / step * area)
