"""Rules and histories that belong together, and the moments to judge them at, to compare evaluators with the oracle."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Rule, Selection, Share, Term
from tests.oracle.history_strategies import deep_histories, histories
from tests.oracle.moments import moments
from tests.oracle.rule_strategies import rules
from tests.oracle.walking import walk

__all__ = ["aimed", "cases", "deep_histories", "histories", "moments", "rules"]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Rule, list[Event]]:
    """A rule and a history in which events of the sort that the rule looks at are not left to chance."""
    rule, events = draw(rules()), draw(histories())
    return rule, aimed(draw, events, [rule])


def aimed(draw: st.DrawFn, events: list[Event], at_rules: Sequence[Rule | Term]) -> list[Event]:
    """The events, some of them made into what a rule, or a feature of a model, is looking for."""
    aims = [None, *(aim for rule in at_rules for aim in _aims(rule))]
    aimed_at = draw(st.lists(st.integers(0, len(aims) - 1), min_size=len(events), max_size=len(events)))
    return [_aimed(event, aims[aim]) for event, aim in zip(events, aimed_at, strict=True)]


def _aims(rule: Rule | Term) -> list[Selection]:
    parts = list(walk(rule))
    shares = [Selection(part.type, (part.part,)) for part in parts if isinstance(part, Share)]
    return [part for part in parts if isinstance(part, Selection)] + shares


def _aimed(event: Event, selection: Selection | None) -> Event:
    """The event, made into one that the selection is looking for (except for the time)."""
    if selection is None:
        return event
    properties, context = dict(event.properties), dict(event.context)
    for each in selection.filters:
        wanted = each.any_of[-1].value
        if each.field.startswith("context."):
            _, parent, name = each.field.split(".")
            context[parent] = {name: wanted}
        else:
            properties[each.field] = wanted
    return replace(event, type=selection.type, properties=properties, context=context)
