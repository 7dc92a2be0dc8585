"""How a user comes to be in a segment at a moment, or not to be: the rule's tree with all that each node finds."""

from datetime import tzinfo

from services.segmentation.catalog import Catalog
from services.segmentation.coverage import covered_since
from services.segmentation.explanation.teller import Teller, settled
from services.segmentation.explanation.tree import Explanation, Obstacle
from services.segmentation.intervals import START, spans
from services.segmentation.membership import Membership, Span, judge
from services.segmentation.profile import Profile
from services.segmentation.rules.request import Facts
from services.segmentation.rules.scene import Scene


def explain(
    profile: Profile | None,
    catalog: Catalog,
    segment_id: str,
    zone: tzinfo,
    facts: Facts,
    before: Membership | None = None,
    *,
    consent_required: bool = False,
) -> Explanation:
    """Explain a segment of the catalog, for a request that tells `facts`, at their moment.

    That is no earlier than the profile's latest event; None stands for a user of whom nothing is known. `zone` is that
    of the user's space. `before` is the stored membership, which knows since when the user has been in the segment.
    """
    ready, user = catalog.ready[segment_id], profile or Profile(None, facts.at_ms)
    tree = Teller(catalog, segment_id, Scene(user, zone, outputs=catalog.outputs), facts).tree()
    membership = judge(user, catalog, zone, before, max_spans=None, only=[segment_id])
    span = _span(catalog, segment_id, membership, facts)
    parts = [part.segment.rule for part in catalog.with_parts([segment_id])]
    moments = [covered_since(rule, user, zone, catalog.outputs) for rule in parts]
    covered_ms = [since_ms for since_ms in moments if since_ms is not None]
    return Explanation(
        ready,
        catalog.version,
        zone,
        facts.at_ms,
        profile is not None,
        span.since_ms if span else None,
        span.until_ms if span else None,
        tuple(
            _obstacles(catalog, segment_id, membership, known=profile is not None, consent_required=consent_required)
        ),
        max(covered_ms, default=None),
        tree,
    )


def _span(catalog: Catalog, segment_id: str, membership: Membership, facts: Facts) -> Span | None:
    """The span that a lookup tells of, if any."""
    ordinal = catalog.segments[segment_id].ordinal
    found = [span for span in membership.at(facts.at_ms) if span.ordinal == ordinal]
    for number, residual in membership.residuals:
        if number == ordinal:
            moments = settled(catalog.ready[segment_id], residual, facts)
            started = [(membership.latest_ms if since == START else since, until) for since, until in spans(moments)]
            found += [span for each in started if (span := Span(ordinal, *each)).covers(facts.at_ms)]
    return found[0] if found else None


def _obstacles(
    catalog: Catalog, segment_id: str, membership: Membership, *, known: bool, consent_required: bool
) -> list[Obstacle]:
    ready = catalog.ready[segment_id]
    is_missing = consent_required and membership.purposes is None
    obstacles: list[tuple[Obstacle, bool]] = [
        ("draft", ready.segment.definition.status == "draft"),
        ("consent", is_missing or not membership.allows(ready.segment)),
        ("unknown-user", not known and not ready.asks),
    ]
    return [obstacle for obstacle, stands in obstacles if stands]
