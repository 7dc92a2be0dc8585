"""What holds for users of whom nothing is known: worked out once for each catalog."""

from datetime import tzinfo

from services.segmentation.catalog import Catalog
from services.segmentation.intervals import START
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile


class Strangers:
    """Remembers the membership of a stranger under the newest catalog, for each time zone."""

    def __init__(self) -> None:
        self._catalog = Catalog()
        self._memberships: dict[tzinfo, Membership] = {}

    def of(self, catalog: Catalog, zone: tzinfo) -> Membership:
        """Only segments that ask the request can hold for a stranger."""
        if catalog is not self._catalog:
            self._catalog, self._memberships = catalog, {}
        if zone not in self._memberships:
            asking = [segment_id for segment_id, ready in catalog.ready.items() if ready.asks]
            self._memberships[zone] = judge(Profile(None, START), catalog, zone, max_spans=None, only=asking)
        return self._memberships[zone]
