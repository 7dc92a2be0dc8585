"""What a random sample tells of all users: a share, and between which bounds it lies."""

from math import sqrt
from typing import NamedTuple

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal distribution has `CONFIDENCE` of its mass within so many standard deviations."""


class Estimate(NamedTuple):
    share: float
    low: float
    high: float

    def of(self, population: int) -> tuple[int, list[int]]:
        """The share and its bounds as numbers of a population's members."""
        return round(self.share * population), [round(self.low * population), round(self.high * population)]


def estimate(hits: int, sample: int, population: int) -> Estimate:
    """The share of a population that has a property, from a sample drawn without replacement of which `hits` have it.

    The bounds are Wilson's score interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927)
    for a sample as large as would say the same of an endless population, which is the finite population correction
    of W. G. Cochran, Sampling Techniques, 1977, section 2.6. They never contradict what the sample itself shows, and
    meet where it is the whole population.
    """
    if sample >= population:
        share = hits / sample if sample else 0.0
        return Estimate(share, share, share)
    if sample == 0:
        return Estimate(0.0, 0.0, 1.0)
    share, misses = hits / sample, sample - hits
    effective = sample * (population - 1) / (population - sample)
    weight = _Z * _Z / effective
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z / (1 + weight) * sqrt(share * (1 - share) / effective + weight / (4 * effective))
    low, high = max(middle - reach, hits / population), min(middle + reach, (population - misses) / population)
    return Estimate(share, min(low, share), max(high, share))  # a float may be a hair off where all or none are hits
