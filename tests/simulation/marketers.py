"""Those who edit the catalog: a few segments whose rules come and go.

What an edit makes depends on nothing but the edits before it, and there are few: so runs share the catalogs, since to
make and to read one takes longer than most of what is done with it.
"""

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
FIRST_CHOICES, CHOICES = 20, 3
"""How many different catalogs a run may begin with, and how many edits each has to choose from."""
FIRST_MS = 1_732_190_000_000
"""Versions are dated from here on, one apart: none is used twice in a run, whatever Redis loses."""

Edits = tuple[tuple[int, int], ...]
"""Those that led to a catalog: the number and the choice of each."""

decoded = lru_cache(maxsize=2_048)(Catalog.decode)
"""As every worker reads them."""


class Marketers:
    def __init__(self, random: Random, redis: MemoryRedis) -> None:
        """The first edit makes some segments at once."""
        self._random, self._redis = random, redis
        self._made: dict[int, Edits] = {0: ()}
        """By the version that it made, each edit and those before it."""
        self._number = 0

    @property
    def catalog(self) -> Catalog:
        """What is in force."""
        found = self._redis.run(b"HGET", keys.CATALOG.encode(), b"document")
        return decoded(found) if found else Catalog()

    def edit(self, _now_ms: int = 0) -> int:
        """The version of the catalog from then on."""
        before = self._made[self.catalog.version]
        self._number += 1
        edits = (*before, (self._number, self._random.randrange(CHOICES if before else FIRST_CHOICES)))
        version, document = _edited(edits)
        self._made[version] = edits
        self._redis.run(b"HSET", keys.CATALOG.encode(), b"version", b"%d" % version, b"document", document)
        return version


@lru_cache(maxsize=4_096)
def _edited(edits: Edits) -> tuple[int, bytes]:
    """A catalog's version and its document."""
    *before, (number, choice) = edits
    catalog = decoded(_edited(tuple(before))[1]) if before else Catalog()
    random = Random(f"{len(edits)} {choice}")
    for _ in range(1 if before else random.randint(1, 4)):
        after = catalog
        while after is catalog:
            after = _with_one_edit(catalog, random)
        catalog = after
    dated = catalog.dated(FIRST_MS + number)
    return dated.version, dated.encode()


def _with_one_edit(catalog: Catalog, random: Random) -> Catalog:
    name = f"s{random.randrange(4)}"
    if random.random() < 0.2:
        try:
            return catalog.delete(name)
        except SegmentInUse:
            pass
    rule = COMPOSED if name != "s0" and "s0" in catalog.segments and random.random() < 0.3 else random.choice(RULES)
    purposes = [1] if random.random() < 0.2 else []
    return catalog.put(name, SegmentDefinition(name=name, rule=rule, purposes=purposes), KEEP_ALL)
