"""Metrics of what happens ten thousand times a second: counted in plain numbers, made into samples when they are read.

prometheus_client takes a lock for each count, and a microsecond; nothing here is used by more than one thread.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """A counter with one label, whose values are known from the start; counted by `counts[value] += 1`."""

    def __init__(self, name: str, documentation: str, label: str, values: Sequence[str], registry: CollectorRegistry):
        self._name, self._documentation, self._label = name, documentation, label
        self.counts = dict.fromkeys(values, 0)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, count in self.counts.items():
            family.add_metric([value], count)
        yield family


class Durations(Collector):
    """A histogram without labels."""

    def __init__(self, name: str, documentation: str, buckets_s: Sequence[float], registry: CollectorRegistry):
        self._name, self._documentation, self._buckets_s = name, documentation, list(buckets_s)
        self._counts = [0] * (len(buckets_s) + 1)
        self._sum_s = 0.0
        registry.register(self)

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._buckets_s, seconds)] += 1
        self._sum_s += seconds

    def collect(self) -> Iterator[Metric]:
        bounds = map(floatToGoString, [*self._buckets_s, float("inf")])
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum_s)
