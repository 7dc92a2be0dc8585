"""Who visits the simulated shop, and with what habits. The table is the behaviour: no other file knows a persona."""

from dataclasses import dataclass
from random import Random

from services.replay.simulation.shop import SECTIONS, Shop


@dataclass(frozen=True, slots=True)
class Persona:
    """A sort of visitor. Chances are from 0 to 1; `share` is the part of all visitors."""

    name: str
    share: float
    visits_a_day: float
    """The chance of one visit on each day of being active."""
    steps: float
    """How many pages a visit has on average."""
    reads: float = 0.05
    """The chance that a page is a magazine article instead of the shop."""
    adds: float = 0.0
    """The chance that a product seen goes into the cart."""
    buys: float = 0.0
    """The chance that a visit with a cart ends at the checkout."""
    picky: int = 1
    """Looks at this many items for each one opened, and opens the dearest."""
    known: float = 0.3
    """The chance of an account, and with it of traits."""
    arrives_by: float = 0.9
    """The part of the simulated time in which the first visit is."""
    leaves_at: float = 1.0
    """The part of the simulated time after which the visitor stays away."""
    days: int | None = None
    """How many days at most lie between the first visit and staying away."""

    @property
    def stays(self) -> bool:
        """Whether such a visitor still comes at the end of the simulated time."""
        return self.leaves_at == 1.0 and self.days is None


PERSONAS = (
    Persona("passer-by", 0.41, visits_a_day=1.0, steps=3, reads=0.3, known=0.03, arrives_by=1.0, days=1),
    Persona("window shopper", 0.18, visits_a_day=0.3, steps=8, adds=0.01),
    Persona("cart abandoner", 0.10, visits_a_day=0.25, steps=8, adds=0.2, buys=0.06),
    Persona("buyer", 0.10, visits_a_day=0.25, steps=9, adds=0.2, buys=0.45, known=0.7),
    Persona("loyal buyer", 0.05, visits_a_day=0.4, steps=9, adds=0.25, buys=0.6, known=0.95, arrives_by=0.2),
    Persona("loyal reader", 0.08, visits_a_day=0.7, steps=4, reads=0.9, known=0.5),
    Persona(
        "lapsed customer",
        0.05,
        visits_a_day=0.5,
        steps=9,
        adds=0.25,
        buys=0.6,
        known=0.8,
        arrives_by=0.2,
        leaves_at=0.4,
    ),
    Persona("big spender", 0.03, visits_a_day=0.2, steps=9, adds=0.3, buys=0.7, picky=6, known=0.8, arrives_by=0.4),
)

# Country, region, time zone, the hours that its winter clock is ahead of UTC, and how many of the visitors live there.
_PLACES = (
    ("FR", "IDF", "Europe/Paris", 1, 22),
    ("FR", "ARA", "Europe/Paris", 1, 10),
    ("DE", "BE", "Europe/Berlin", 1, 12),
    ("DE", "BY", "Europe/Berlin", 1, 8),
    ("GB", "LND", "Europe/London", 0, 14),
    ("ES", "MD", "Europe/Madrid", 1, 7),
    ("US", "NY", "America/New_York", -5, 10),
    ("US", "CA", "America/Los_Angeles", -8, 7),
    ("BR", "SP", "America/Sao_Paulo", -3, 5),
    ("JP", "13", "Asia/Tokyo", 9, 5),
)
_DEVICES = (
    ("mobile", "iOS", "Safari", 28),
    ("mobile", "Android", "Chrome", 34),
    ("desktop", "Windows", "Chrome", 15),
    ("desktop", "Windows", "Edge", 8),
    ("desktop", "macOS", "Safari", 9),
    ("tablet", "iPadOS", "Safari", 6),
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """One simulated person."""

    user_id: str
    persona: Persona
    device: dict[str, str]
    geo: dict[str, str]
    timezone: str
    utc_offset_h: int
    favourite: str
    section: str
    age: int
    newsletter: bool
    known: bool


def make_visitor(user_id: str, shop: Shop, random: Random) -> Visitor:
    """Draw a visitor: the same one for the same random source."""
    persona = random.choices(PERSONAS, weights=[each.share for each in PERSONAS])[0]
    country, region, timezone, utc_offset_h, _ = random.choices(_PLACES, weights=[each[-1] for each in _PLACES])[0]
    kind, system, browser, _ = random.choices(_DEVICES, weights=[each[-1] for each in _DEVICES])[0]
    return Visitor(
        user_id=user_id,
        persona=persona,
        device={"type": kind, "os": system, "browser": browser},
        geo={"country": country, "region": region},
        timezone=timezone,
        utc_offset_h=utc_offset_h,
        favourite=shop.category(random),
        section=random.choice(SECTIONS),
        age=min(88, round(random.gammavariate(8, 3) + 16)),
        newsletter=random.random() < 0.4,
        known=random.random() < persona.known,
    )
