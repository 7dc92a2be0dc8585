"""The scenarios there are: what comes, in which shape, how fast and how long if nothing else is said."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.load.traffic.actions import Action, batch, event, lookup, page
from loadtests.load.traffic.shapes import Shape, day, ramp, spike, steady


@dataclass(frozen=True)
class Scenario:
    """`rate` is of arrivals a second where the shape is 1; an arrival may be several requests."""

    name: str
    about: str
    actions: Sequence[tuple[float, Action]]
    shape: Shape
    rate: float
    seconds: float


MIXED: Sequence[tuple[float, Action]] = ((3, lookup), (1, event))
"""Three lookups for each event, as on a site with a few ads on a page."""

SCENARIOS = {
    each.name: each
    for each in (
        Scenario("quick", "a minute of lookups and events, for a first verdict", MIXED, steady, 300, 45),
        Scenario("lookups", "lookups of one user, at a constant rate", ((1, lookup),), steady, 500, 60),
        Scenario("events", "events, at a constant rate", ((1, event),), steady, 500, 60),
        Scenario("mixed", "three lookups for each event, at a constant rate", MIXED, steady, 500, 120),
        Scenario(
            "pages", "bursts: a page view and 3 to 8 lookups of its visitor at once", ((1, page),), steady, 50, 60
        ),
        Scenario("batch", "lookups of 100 users at a time", ((1, batch),), steady, 10, 60),
        Scenario("ramp", "mixed, from a tenth of the rate to all of it", MIXED, ramp, 1000, 120),
        Scenario("spike", "mixed, a third of the rate and three times that for a while", MIXED, spike, 1000, 100),
        Scenario("soak", "mixed, an hour that goes up and down like a day", MIXED, day, 300, 3600),
    )
}
