"""Things that could happen to a user: events of the sort that a term looks at, in words, as data and as events.

A proposal is a guess: whoever asks for one tries it on the profile before telling it (`sooner.py`). So what makes
them need not know how a term deals with what falls out of its window or off the end of the log.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.segmentation.events import Event
from services.segmentation.explanation import words
from services.segmentation.explanation.tree import Sooner
from services.segmentation.keep import CONTEXT
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import origin
from services.segmentation.rules.nodes import Selection
from services.segmentation.rules.scene import Scene

_ANY_TYPE = "anything"


@dataclass(frozen=True, slots=True)
class Proposal:
    sooner: Sooner
    events: Sequence[Event]
    is_certain: bool = False
    """Whether plain addition tells that it works; there may be no events to try then."""


def several(
    count: int,
    selection: Selection,
    at_ms: int,
    *,
    of_some: bool,
    change: Mapping[str, Any] | None = None,
    noun: str = "",
) -> Proposal:
    """So many selected events, all at one moment; `change` says more of them, and `noun` names them otherwise."""
    what = noun or words.events(selection)
    told = {**data(selection), "times": count, **(change or {})}
    fields: Sequence[Mapping[str, Any]] = [(change or {}).get("with", {})] * count
    return Proposal(
        Sooner(words.more(count, what, of_some=of_some), words.plain(told)),
        [event(selection, at_ms, number, more) for number, more in enumerate(fields)],
    )


def data(selection: Selection) -> dict[str, Any]:
    """`{"event": "add_to_cart", "where": {"category": ["shoes", "boots"]}}`."""
    where = {each.field: [literal.value for literal in each.any_of] for each in selection.filters}
    one_or_any = {field: values[0] if len(values) == 1 else values for field, values in where.items()}
    return {"event": selection.type, "where": one_or_any}


def event(selection: Selection, at_ms: int, number: int, more: Mapping[str, Any]) -> Event:
    """The `number`th event of a proposal: one that passes the selection's filters, with `more` fields."""
    values = [(each.field, literal.value) for each in selection.filters for literal in each.any_of[:1]]
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    for field, value in [*values, *more.items()]:
        if field.startswith(CONTEXT):
            _put(context, field.removeprefix(CONTEXT).split("."), value)
        else:
            properties[field] = value
    return Event(f"proposed {number}", "", selection.type, at_ms, properties=properties, context=context)


def _put(node: dict[str, Any], path: Sequence[str], value: object) -> None:
    *parents, name = path
    for parent in parents:
        child = node.get(parent)
        node[parent] = node = child if isinstance(child, dict) else {}
    node[name] = value


def of_time(term: nodes.TimeTerm, scene: Scene, at_ms: int) -> Iterator[Proposal]:
    """What would make a time short; just after `at_ms`, so that it is later than all there is."""
    match term:
        case nodes.Since(events):
            happened = origin(term)(scene) is not None
            yield several(1, events, at_ms + 1, of_some=happened)
        case nodes.Sequence(steps):
            yield from (_completed(steps[-count:], at_ms) for count in range(1, len(steps) + 1))
        case nodes.Tenure() if scene.profile.first_ms is None:
            change: dict[str, Any] = {"event": None, "times": 1, "where": {}}
            yield Proposal(Sooner("any event", change), [Event("proposed", "", _ANY_TYPE, at_ms + 1)])


def _completed(steps: Sequence[Selection], at_ms: int) -> Proposal:
    """The last steps of a sequence, one after the other."""
    text = ", then ".join(words.article(words.events(each)) for each in steps)
    change = data(steps[0]) | {"times": 1} if len(steps) == 1 else {"sequence": [data(each) for each in steps]}
    events = [event(each, at_ms + number, number, {}) for number, each in enumerate(steps, start=1)]
    return Proposal(Sooner(text, words.plain(change)), events)
