"""Judges a rule at one moment by brute force over what the log tells of a user: obvious, never fast.

It shares nothing with the evaluator but the rule's nodes, `Event` and `ListEntry`, so that an error has to be made
twice to go unseen. Where the specification leaves something open, a comment that begins with "Reading:" says what
was decided.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, get_args

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import And, Compare, Holds, InSegment, Listed, Literal, Member, Not, Or, Rule
from tests.oracle.comparing import EXACT, INEXACT, NEVER, compare, plain
from tests.oracle.models import Trained, model_value
from tests.oracle.seen import Keep, Seen, first_arrivals, newest
from tests.oracle.terms import value_of

__all__ = ["everything", "first_arrivals", "judge", "model_worth", "newest", "paths_asked"]

_INEXACT_TERMS = get_args(nodes.InexactTerm)
NO_SEGMENTS: Mapping[str, Rule] = {}
NO_REQUEST: Mapping[str, Any] = {}
NO_MODELS: Mapping[str, Trained] = {}


def everything(_field: str) -> bool:
    """A profile that keeps every property and every context path."""
    return True


def judge(
    rule: Rule,
    facts: Sequence[Fact],
    at_ms: int,
    keep: Keep = everything,
    *,
    segments: Mapping[str, Rule] = NO_SEGMENTS,
    request: Mapping[str, Any] = NO_REQUEST,
    zone: tzinfo = UTC,
    models: Mapping[str, Trained] = NO_MODELS,
) -> bool:
    """Whether the user of `facts` fulfils the rule at `at_ms`, which is no earlier than the latest fact that counts.

    `facts` are one user's events and list entries, as sent, in order of arrival, resends included. `keep` is asked
    for a property's name, or for `context.` and a path. `segments` are the rules that `segment()` can mean, by id;
    `request` is what the ad request says, JSON values by dotted path; `zone` is that of the space; `models` are
    those that rules name.
    """
    events = first_arrivals([fact for fact in facts if isinstance(fact, Event)])
    entries = [fact for fact in facts if isinstance(fact, ListEntry)]
    counted: list[Fact] = [*events, *entries]
    # Reading: an unknown user is in no segment, whatever the rule, unless it asks for something of the request.
    if not counted and not paths_asked(rule, segments):
        return False
    assert all(at_ms >= fact.ts_ms for fact in counted)
    return _judge(rule, Seen(events, entries, at_ms, keep, segments, request, zone, models))


def paths_asked(rule: Rule, segments: Mapping[str, Rule]) -> set[str]:
    """What the rule asks of the request, directly or through the segments that it is made of."""
    paths = set()
    for leaf in nodes.leaves(rule):
        term = nodes.term_of(leaf)
        if isinstance(leaf, InSegment):
            paths |= paths_asked(segments[leaf.segment_id], segments)
        elif isinstance(term, nodes.Request):
            paths.add(term.path)
    return paths


def _judge(rule: Rule, seen: Seen) -> bool:
    match rule:
        case And():
            return all(_judge(operand, seen) for operand in rule.operands)
        case Or():
            return any(_judge(operand, seen) for operand in rule.operands)
        case Not():
            return not _judge(rule.operand, seen)
        case InSegment():
            return _judge(seen.segments[rule.segment_id], seen)
        case Listed():
            return _is_listed(rule.list_id, seen)
        case Holds(nodes.Sequence() as sequence):
            return bool(value_of(sequence, seen) != NEVER)
        case Holds():
            return value_of(rule.term, seen) is True
        case Member():
            value = _worth(rule.term, seen)
            return any(compare(value, "==", plain(each.value)) for each in rule.any_of) != rule.negated
        case Compare():
            return _compares(rule, seen)


def _is_listed(list_id: str, seen: Seen) -> bool:
    # Reading: entries are written by the API, so no two different ones of a list share both time and id.
    entries = [entry for entry in seen.entries if entry.list_id == list_id]
    if not entries:
        return False
    latest = max(entries, key=lambda entry: (entry.ts_ms, entry.event_id))
    return latest.listed and (latest.until_ms is None or seen.at_ms < latest.until_ms)


def _compares(rule: Compare, seen: Seen) -> bool:
    left, right = _worth(rule.left, seen), _worth(rule.right, seen)
    # Reading: beside what decays a number means the double that stands for it. Only one smaller than 1e-307 can tell.
    if isinstance(left, Decimal) and isinstance(rule.right, Literal):
        right = _as_double(rule.right)
    elif isinstance(right, Decimal) and isinstance(rule.left, Literal):
        left = _as_double(rule.left)
    is_inexact = isinstance(rule.left, _INEXACT_TERMS) or isinstance(rule.right, _INEXACT_TERMS)
    return compare(left, rule.operator, right, INEXACT if is_inexact else EXACT)


def model_worth(term: nodes.ModelTerm, seen: Seen) -> Any:
    """What a term about a model is worth."""
    return model_value(term, seen, _judge)


def _worth(term: nodes.Term | Literal, seen: Seen) -> Any:
    return model_worth(term, seen) if isinstance(term, nodes.ModelTerm) else value_of(term, seen)


def _as_double(literal: Literal) -> Decimal:
    assert isinstance(literal.value, int | float)
    return Decimal(literal.value)
