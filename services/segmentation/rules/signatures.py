"""What each term takes: how it is written, and the names of its arguments."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signature:
    usage: str
    """An example of the term, shown where something else was found."""
    unnamed: tuple[str, ...]
    """What its arguments without a name are."""
    named: tuple[str, ...] = ()
    filters: bool = False
    """Whether any other name is a property to filter by."""
    more: int = 0
    """How many more arguments without a name there can be."""

    @property
    def most(self) -> int:
        """How many arguments without a name there can be."""
        return len(self.unnamed) + self.more


_TYPE, _PROPERTY, _MODEL = "an event type in quotes", "a property in quotes", "the id of a model in quotes"
_OVER = '("type", "property", within="1h", property="value")'

STEP = Signature('step("type", property="value")', (_TYPE,), ("where",), filters=True)

OF_MODELS: Mapping[str, Signature] = {
    "cluster": Signature('cluster("model")', (_MODEL,)),
    "score": Signature('score("model")', (_MODEL,)),
    "rfm": Signature('rfm("model", "r")', (_MODEL, 'one of "r" (recency), "f" (frequency), "m" (money)')),
}
"""The terms that say what a model says."""

SIGNATURES: Mapping[str, Signature] = {
    "count": Signature('count("type", within="1h", property="value")', (_TYPE,), ("within", "where"), filters=True),
    "sum": Signature(f"sum{_OVER}", (_TYPE, _PROPERTY), ("within", "where"), filters=True),
    "avg": Signature(f"avg{_OVER}", (_TYPE, _PROPERTY), ("within", "where"), filters=True),
    "distinct": Signature(f"distinct{_OVER}", (_TYPE, _PROPERTY), ("within", "where"), filters=True),
    "decayed": Signature(
        'decayed("type", halflife="1d", property="value")', (_TYPE,), ("halflife", "where"), filters=True
    ),
    "share": Signature(
        'share("type", "property", "value", halflife="7d")', (_TYPE, _PROPERTY, "a value"), ("halflife",)
    ),
    "since": Signature('since("type", property="value")', (_TYPE,), ("where",), filters=True),
    "sequence": Signature(
        'sequence("type", step("type", property="value"), within="1d") with 2 to 8 steps',
        ("a first step", "a second step"),
        ("within",),
        more=6,
    ),
    "tenure": Signature("tenure()", ()),
    "trait": Signature('trait("name")', ("the name of a trait in quotes",)),
    "last": Signature('last("device.type")', ("a path into the context in quotes",)),
    "segment": Signature('segment("id")', ("the id of a segment in quotes",)),
    "listed": Signature('listed("list-id")', ("the id of a list in quotes",)),
    "request": Signature('request("device.type")', ("a path into the ad request in quotes",)),
    **OF_MODELS,
}

NAMED = frozenset(name for signature in SIGNATURES.values() for name in signature.named)
"""Names that are never properties, whichever the term; a property of such a name goes into `where`."""
