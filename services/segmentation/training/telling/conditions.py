"""What a condition says of people most of whom fulfil it, or hardly any, in words that a name is made of."""

from collections.abc import Iterator, Mapping

from services.segmentation.rules import nodes
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.rules.nodes import Compare, Literal, Operator
from services.segmentation.training.telling.sayings import LESS, Saying, Seen, of_term, placed
from services.segmentation.training.telling.wording import feature_words, values_words

MOST, HARDLY_ANY = 0.5, 0.3
"""Parts of the users who fulfil it."""
_MIRRORED: Mapping[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def of_condition(condition: nodes.Condition, seen: Seen) -> Iterator[Saying]:
    """As `of_term`, where the mean is the part of the users who fulfil the condition."""
    of_users = seen.mean / MOST if seen.high else (1 - seen.mean) / (1 - HARDLY_ANY)
    for saying in _true_or_false(condition, seen):
        yield saying._replace(fulfilled=min(saying.fulfilled, of_users))


def _true_or_false(condition: nodes.Condition, seen: Seen) -> Iterator[Saying]:
    opposite = seen._replace(high=not seen.high)
    match condition:
        case nodes.Not(operand):
            yield from _true_or_false(operand, opposite)
        case Compare(Literal() as bound, operator, term):
            yield from _true_or_false(Compare(term, _MIRRORED[operator], bound), seen)
        case Compare(nodes.Trait() | nodes.Last() as term, ("==" | "!=") as operator, Literal() as value):
            yield from _of_values(term, (value,), seen if operator == "==" else opposite)
        case nodes.Member(nodes.Trait() | nodes.Last() as term, any_of, negated):
            yield from _of_values(term, any_of, opposite if negated else seen)
        case nodes.Holds(nodes.Trait() | nodes.Last() as term):
            yield from _of_values(term, (Literal("boolean", True),), seen)
        case Compare(term, (">" | ">=" | "<" | "<=") as operator, Literal() as bound) if not isinstance(term, Literal):
            yield from of_term(term, _at(bound, seen if operator in (">", ">=") else opposite))
        case _:
            how = "with" if seen.high else "without"
            yield Saying((("how", f"{how} {feature_words(seen.feature)}"),), weight=1 if seen.high else LESS)


def _at(bound: Literal, seen: Seen) -> Seen:
    """People of whom no more is known than that they are beyond the bound, or short of it."""
    value = float(bound.value) if isinstance(bound.value, int | float) else 0.0
    if bound.kind == "duration":
        return seen._replace(mean=value / UNITS_MS["d"], lift=1.0)
    return seen._replace(mean=value if seen.high else max(0.0, value - 1), lift=1.0)


def _of_values(term: nodes.ValueTerm, values: tuple[Literal, ...], seen: Seen) -> Iterator[Saying]:
    field = term.name if isinstance(term, nodes.Trait) else f"context.{term.path}"
    slot, words = placed(field, values_words(field, values, seen.feature), "who")
    if seen.high:
        yield Saying(((slot, words),))
    elif slot != "how":
        yield Saying(((slot, f"non-{words}"),), weight=LESS)
