"""Rules, histories and the moments to judge them at, for comparing the fast evaluator with the oracle."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace

from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Literal, Rule, Selection
from tests.oracle.history_strategies import deep_histories, histories
from tests.oracle.judge import first_arrivals
from tests.oracle.rule_strategies import rules

__all__ = ["cases", "deep_histories", "durations", "histories", "moments", "rules"]

FAR_FUTURE_MS = 101 * 366 * 86_400_000  # past every duration that a rule can write


@st.composite
def cases(draw: st.DrawFn) -> tuple[Rule, list[Event]]:
    """A rule and a history in which events of the sort that the rule looks at are not left to chance."""
    rule, events = draw(rules()), draw(histories())
    aims = [None, *(node for node in _walk(rule) if isinstance(node, Selection))]
    aimed_at = draw(st.lists(st.integers(0, len(aims) - 1), min_size=len(events), max_size=len(events)))
    return rule, [_aimed(event, aims[aim]) for event, aim in zip(events, aimed_at, strict=True)]


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


def moments(rule: Rule, events: Sequence[Event]) -> list[int]:
    """The moments from the latest event on at which the rule's truth can change, with their neighbours, and the end.

    Between two of them nothing changes: a term changes only when an event has become a duration of the rule old.
    """
    times_ms = {event.ts_ms for event in first_arrivals(events)}
    latest_ms = max(times_ms)
    ages_ms = {0} | durations(rule)
    around = {ts + age + nudge for ts in times_ms for age in ages_ms for nudge in (-1, 0, 1)}
    return sorted({at for at in around if at >= latest_ms} | {latest_ms, latest_ms + FAR_FUTURE_MS})


def durations(rule: Rule) -> set[int]:
    """Every duration that the rule writes, in milliseconds: windows, and literals beside time terms."""
    nodes = list(_walk(rule))
    written = [node.value for node in nodes if isinstance(node, Literal) and node.kind == "duration"]
    windows = [node.within_ms for node in nodes if isinstance(node, Selection)]
    return {ms for ms in (*written, *windows) if isinstance(ms, int)}


def _walk(node: object) -> Iterator[object]:
    """The node and all that it is made of."""
    yield node
    parts = node if isinstance(node, tuple) else ()
    if is_dataclass(node):
        parts = tuple(getattr(node, each.name) for each in fields(node))
    for part in parts:
        yield from _walk(part)
