"""Whether every user is in the segments that the brute-force oracle finds, once everything is applied and refreshed."""

from random import Random

from services.segmentation.catalog import Catalog
from services.segmentation.events import Fact
from services.segmentation.membership import Membership
from tests.oracle.judge import judge
from tests.simulation.comparing import Partition

MOMENTS = 2


def compare_memberships(partition: Partition, catalog: Catalog, random: Random) -> None:
    facts, memberships = partition.facts, partition.memberships
    for member, membership in memberships.items():
        assert membership.catalog_version == catalog.version, member
        for at_ms in _moments(membership, random):
            assert {span.ordinal for span in membership.at(at_ms)} == _true(catalog, facts[member], at_ms), member


def _true(catalog: Catalog, facts: list[Fact], at_ms: int) -> set[int]:
    rules = {segment_id: segment.rule for segment_id, segment in catalog.segments.items()}
    return {
        segment.ordinal
        for segment_id, segment in catalog.segments.items()
        if judge(rules[segment_id], facts, at_ms, segments=rules)
    }


def _moments(membership: Membership, random: Random) -> list[int]:
    """The latest event, and some where the stored spans begin or end, or right before, or anywhere."""
    latest_ms = membership.latest_ms
    ends = [at_ms for _, *both in membership.spans for at_ms in both if at_ms is not None]
    around = [at_ms - back for at_ms in ends for back in (0, 1)] + [
        latest_ms + random.randrange(10 ** random.randint(3, 9))
    ]
    known = sorted({at_ms for at_ms in around if at_ms > latest_ms and membership.is_exact_at(at_ms)})
    exact = [latest_ms] if membership.is_exact_at(latest_ms) else []
    return exact + random.sample(known, min(MOMENTS - 1, len(known)))
