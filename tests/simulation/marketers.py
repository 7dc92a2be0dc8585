"""Those who edit the catalog: a few segments whose rules come and go."""

from functools import lru_cache
from random import Random

from services.segmentation.catalog import Catalog, SegmentDefinition, SegmentInUse
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire import keys
from tests.simulation.memory_redis import MemoryRedis

RULES = (
    "count('view', within='1m') >= 1",
    "count('view', within='3m') in [1, 3, 5, 7, 9, 11]",
    "count('view', within='20m', category='shoes') >= 2",
    "count('buy') >= 1 and since('view') > '90s'",
    "since('view') > '3d'",
    "tenure() >= '5m' and count('buy', within='7d') == 0",
    "sum('view', 'value') >= 30",
    "count('view', within='today') >= 2",
    "listed('vips') and sum('buy', 'value', within='5d') >= 3",
)
COMPOSED = "segment('s0') and not listed('vips')"

decoded = lru_cache(maxsize=64)(Catalog.decode)
"""Every worker reads the same documents; to decode one takes longer than most of what is done with it."""


class Marketers:
    def __init__(self, random: Random, redis: MemoryRedis) -> None:
        self._random, self._redis = random, redis

    @property
    def catalog(self) -> Catalog:
        """What is in force."""
        found = self._redis.run(b"HGET", keys.CATALOG.encode(), b"document")
        return decoded(found) if found else Catalog()

    def edit(self, now_ms: int) -> int:
        """The version of the catalog from then on."""
        before = self.catalog
        after = self._edited(before)
        if after is before:
            return before.version
        catalog = after.dated(now_ms)
        version, document = b"%d" % catalog.version, catalog.encode()
        self._redis.run(b"HSET", keys.CATALOG.encode(), b"version", version, b"document", document)
        return catalog.version

    def _edited(self, catalog: Catalog) -> Catalog:
        random = self._random
        name = f"s{random.randrange(4)}"
        if random.random() < 0.2:
            try:
                return catalog.delete(name)
            except SegmentInUse:
                pass
        rule = COMPOSED if name != "s0" and "s0" in catalog.segments and random.random() < 0.3 else random.choice(RULES)
        purposes = [1] if random.random() < 0.2 else []
        return catalog.put(name, SegmentDefinition(name=name, rule=rule, purposes=purposes), KEEP_ALL)
