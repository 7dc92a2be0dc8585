"""What is worth a warning in a rule that is right: parts that decide nothing, thresholds out of reach, unkept names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.segmentation.keep import CONTEXT, KeepList
from services.segmentation.profile import RETAINED
from services.segmentation.rules import nodes
from services.segmentation.rules.caret import quoted
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.outcomes import constants, filters, matches_nothing, subjects
from services.segmentation.rules.request import HOUR, WEEKDAY
from services.segmentation.rules.signatures import NAMED
from services.segmentation.rules.values import MIRRORED
from services.segmentation.rules.vocabulary import Vocabulary
from services.segmentation.rules.worlds import verdict

Code = Literal["never-true", "always-true", "past-256", "not-kept"]


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that the author of a rule will hardly have meant."""

    code: Code
    part: str
    """The part of the rule that it is about, as text."""
    message: str

    def __str__(self) -> str:
        return self.message


def lint(rule: nodes.Rule, keep: KeepList | None = None) -> tuple[Caution, ...]:
    """The cautions about a rule, each once; about properties that are not kept only where `keep` is given."""
    found = [*_constant(rule), *_out_of_reach(rule), *(_not_kept(rule, keep) if keep else ())]
    return tuple(dict.fromkeys(found))


def _constant(rule: nodes.Rule) -> Iterator[Caution]:
    always = verdict(rule)
    if always is not None:
        yield _decided("the rule", rule, always=always)
    yield from _constant_parts(rule)


def _constant_parts(condition: nodes.Condition) -> Iterator[Caution]:
    """The smallest operands of `and` and `or` that decide nothing: inside of one that is named nothing more is."""
    match condition:
        case nodes.Not(operand):
            yield from _constant_parts(operand)
        case nodes.And(operands) | nodes.Or(operands):
            for operand in operands:
                inside = list(_constant_parts(operand))
                always = None if inside else verdict(operand)
                yield from inside if always is None else [_decided("this part", operand, always=always)]


def _decided(what: str, condition: nodes.Condition, *, always: bool) -> Caution:
    part = quoted(str(condition), 100)
    says = "is always true" if always else "can never be true"
    reason = _reason(condition)
    message = f"{what} {says}: {part}" + (f" ({reason})" if reason else "")
    return Caution("always-true" if always else "never-true", part, message)


def _reason(condition: nodes.Condition) -> str | None:
    """Why a single comparison is decided, where that can be said in a few words."""
    if isinstance(condition, nodes.Not | nodes.And | nodes.Or):
        return None
    subject, *others = subjects(condition)
    if matches_nothing(subject):
        return "a filter by None or [] matches no event"
    if any(literal.kind == "none" for literal in constants(condition)):
        return "nothing equals None, not even what is missing"
    return None if others else _range(subject)


def _range(subject: nodes.Term | nodes.InSegment | nodes.Listed) -> str | None:
    match subject:
        case nodes.Count() | nodes.Distinct():
            return "it counts in whole numbers from 0 up"
        case nodes.Decayed():
            return "it is never below 0"
        case nodes.Share() | nodes.Score():
            return "it goes from 0 to 1"
        case nodes.Rfm():
            return "classes go from 1 to 5, and a model says nothing of some users"
        case nodes.Cluster():
            return "a cluster's id is such as c3, whatever its name"
        case nodes.Request(path) if path == HOUR:
            return "hours go from 0 to 23"
        case nodes.Request(path) if path == WEEKDAY:
            return "weekdays go from 1, Monday, to 7"
    return None


def _out_of_reach(rule: nodes.Rule) -> Iterator[Caution]:
    for leaf in nodes.leaves(rule):
        term = nodes.term_of(leaf)
        if term is not None and _is_limited(term) and _passes_limit(leaf):
            part = quoted(str(leaf), 100)
            message = f"only the {RETAINED} newest events of a type are seen, so this number goes no further: {part}"
            yield Caution("past-256", part, message)


def _is_limited(term: nodes.Term) -> bool:
    """Whether the term is a number of events that it has to see one by one."""
    match term:
        case nodes.Count(events):
            return events.within is not None or bool(events.filters)
    return isinstance(term, nodes.Decayed | nodes.Distinct)


def _passes_limit(leaf: nodes.Leaf) -> bool:
    """Whether it asks for more than there can be, or whether there is at most as much as there can be."""
    match leaf:
        case nodes.Compare(nodes.Literal(_, threshold), symbol, _):
            symbol = MIRRORED[symbol]
        case nodes.Compare(_, symbol, nodes.Literal(_, threshold)):
            pass
        case _:
            return any(isinstance(each.value, int | float) and each.value > RETAINED for each in constants(leaf))
    assert isinstance(threshold, int | float)
    return threshold > RETAINED or (threshold == RETAINED and symbol in (">", "<="))


def _not_kept(rule: nodes.Rule, keep: KeepList) -> Iterator[Caution]:
    for leaf in nodes.leaves(rule):
        for subject in subjects(leaf):
            for field in _fields(subject):
                if field not in keep:
                    near = did_you_mean(nearest(field, NAMED) or Vocabulary(keep).nearest_field(field))
                    message = f"profiles do not keep {quoted(field)!r}, so it is always missing"
                    yield Caution("not-kept", field, f"{message}; {near}" if near else message)


def _fields(subject: nodes.Term | nodes.InSegment | nodes.Listed) -> Iterator[str]:
    """The properties and context paths that a subject reads."""
    yield from (each.field for each in filters(subject))
    match subject:
        case nodes.Sum(_, field) | nodes.Average(_, field) | nodes.Distinct(_, field):
            yield field
        case nodes.Last(path):
            yield CONTEXT + path
