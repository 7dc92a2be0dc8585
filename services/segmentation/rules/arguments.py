"""The arguments of a term: how they are read, and everything that can be wrong with them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, get_args

from services.segmentation.events import TYPE_PATTERN
from services.segmentation.rules import nodes
from services.segmentation.rules.caret import quoted
from services.segmentation.rules.complaint import Span
from services.segmentation.rules.literals import duration_ms, likely_window, literal, literals, text
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.signatures import NAMED, SIGNATURES, Signature
from services.segmentation.rules.source import Source
from services.segmentation.rules.vocabulary import Vocabulary

_TYPE = re.compile(TYPE_PATTERN)
_ONCE = "once; a list means any of several values"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call, and the means to read them or to point at what is wrong with them."""

    source: Source
    known: Vocabulary
    call: ast.Call
    signature: Signature

    def check(self) -> None:
        """Refuse too many or too few arguments without a name, and names that the term does not take."""
        unnamed, given = self.signature.unnamed, self.call.args
        if len(given) > self.signature.most:
            self._refuse_extra(given[self.signature.most])
        if len(given) < len(unnamed):
            self._refuse_missing(unnamed[len(given)])
        seen: set[str] = set()
        for keyword in self.call.keywords:
            self._check_name(keyword, seen)

    def name(self, index: int = 0) -> str:
        """The string, not empty, that an argument without a name is."""
        argument = self.call.args[index]
        name = text(self.source, argument, self.signature.unnamed[index])
        if not name:
            self.source.refuse(argument, self.signature.usage, "an empty name")
        return name

    def kept_property(self, index: int = 1) -> str:
        """The kept property that an argument without a name is."""
        return self.field(self.name(index), self.call.args[index])

    def event_type(self) -> str:
        return event_type(self.source, self.call.args[0])

    def selection(self) -> nodes.Selection:
        """The events of the type in the first argument that the named arguments select."""
        within = self._value("within")
        found: dict[str, nodes.Filter] = {}
        for name, place, value in self._written_filters():
            if name in found:
                self.source.refuse(place, f"each property {_ONCE}", f"{quoted(name)!r} more than once")
            found[name] = self.filter(name, place, value)
        window = None if within is None else self._window(within)
        return nodes.Selection(self.event_type(), tuple(found.values()), window)

    def duration(self, name: str) -> int:
        """The milliseconds of the named argument, which has to be there."""
        value = self._value(name)
        if value is None:
            self.source.refuse(self._closing(), self.signature.usage, f"no {name}")
        return duration_ms(self.source, value)

    def field(self, name: str, place: ast.AST | Span) -> str:
        """`name`, if profiles keep it."""
        if name not in self.known.keep:
            self.refuse_field(name, place, did_you_mean(self.known.nearest_field(name)))
        return name

    def refuse_field(self, name: str, place: ast.AST | Span, hint: str | None) -> NoReturn:
        expected = f"a property that profiles keep ({self.known.keep}); the operator's keep list can add it"
        self.source.refuse(place, expected, f"{quoted(name)!r}, which is not kept", hint)

    def filter(self, name: str, place: ast.AST | Span, value: ast.expr) -> nodes.Filter:
        """The filter on a property that profiles keep, by a constant or by any of a list."""
        field = self.field(name, place)
        any_of = literals(self.source, value) if isinstance(value, ast.List) else (literal(self.source, value),)
        return nodes.Filter(field, any_of)

    def _value(self, name: str) -> ast.expr | None:
        return next((each.value for each in self.call.keywords if each.arg == name), None)

    def _window(self, node: ast.expr) -> nodes.Window:
        calendar: tuple[nodes.Calendar, ...] = get_args(nodes.Calendar)
        written = node.value if isinstance(node, ast.Constant) else None
        period = next((each for each in calendar if each == written), None)
        return duration_ms(self.source, node, calendar) if period is None else period

    def _written_filters(self) -> Iterator[tuple[str, ast.AST | Span, ast.expr]]:
        """The name of each property that is filtered by, its place and its value."""
        for keyword in self.call.keywords:
            if keyword.arg == "where":
                yield from self._where(keyword.value)
            elif keyword.arg is not None and keyword.arg not in NAMED:
                yield keyword.arg, self._place_of(keyword), keyword.value

    def _where(self, node: ast.expr) -> Iterator[tuple[str, ast.AST | Span, ast.expr]]:
        if not isinstance(node, ast.Dict):
            self.source.refuse(node, 'a mapping, such as where={"utm-source": "x"}')
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.source.refuse(value, "a property's name in quotes, a colon and a value")
            yield text(self.source, key, "a property's name in quotes"), key, value

    def _refuse_extra(self, argument: ast.expr) -> NoReturn:
        if isinstance(argument, ast.Compare):
            self._refuse_comparison(argument.left, argument.ops[0], argument.comparators[0])
        meant = None
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            meant = self._named_duration(argument.value)
        elif isinstance(argument, ast.Dict) and self.signature.filters:
            meant = f"where={self.source.quote(argument)}"
        self.source.refuse(argument, self.signature.usage, hint=did_you_mean(meant))

    def _refuse_comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> NoReturn:
        meant = f"{self.source.quote(left)}={self.source.quote(right)}"
        hint = did_you_mean(meant) if isinstance(operator, ast.Eq) else "filters ask for equal values only"
        self.source.refuse(self.source.between(left, right), "= between a property and its value", hint=hint)

    def _named_duration(self, written: str) -> str | None:
        """The named argument that a duration was meant for."""
        likely, name = likely_window(written), next(iter(self.signature.named), "where")
        return None if likely is None or name == "where" else f'{name}="{likely}"'

    def _refuse_missing(self, what: str) -> NoReturn:
        named = self.call.keywords
        place = self._place_of(named[0]) if named else self._closing()
        self.source.refuse(place, f"{what}: {self.signature.usage}")

    def _check_name(self, keyword: ast.keyword, seen: set[str]) -> None:
        place, name = self._place_of(keyword), keyword.arg
        if name is None:
            self.source.refuse(place, self.signature.usage, hint=did_you_mean("where={…}"))
        if name in seen:
            self.source.refuse(place, f"each argument {_ONCE}")
        seen.add(name)
        if self.signature.filters and name not in NAMED:
            self._check_property(name, place)
        elif name not in self.signature.named:
            takers = [each for each, signature in SIGNATURES.items() if name in signature.named]
            near = did_you_mean(nearest(name, self.signature.named))
            self.source.refuse(
                place, self.signature.usage, hint=f"{name} is for {', '.join(takers)}" if takers else near
            )

    def _check_property(self, name: str, place: Span) -> None:
        """Of a name that is not kept, the name of an argument may be misspelt, which is why it is looked at first."""
        if name in self.known.keep:
            return
        near = nearest(name, self.signature.named) or self.known.nearest_field(name)
        written = near if near is None or near.isidentifier() else f'where={{"{near}": …}}'
        self.refuse_field(name, place, did_you_mean(written))

    def _place_of(self, keyword: ast.keyword) -> Span:
        begin = self.source.span(keyword).begin
        return Span(begin, begin + len(keyword.arg or "**"))

    def _closing(self) -> Span:
        end = self.source.span(self.call).end
        return Span(end - 1, end)


def event_type(source: Source, node: ast.expr) -> str:
    """The event type that a node is. Raises RuleError."""
    name = text(source, node, "an event type in quotes")
    if _TYPE.fullmatch(name) is None:
        better = re.sub(r"\W+", "_", name.strip().lower())
        hint = did_you_mean(f'"{better}"') if _TYPE.fullmatch(better) else None
        source.refuse(node, "an event type: a lowercase letter, then lowercase letters, digits and _", hint=hint)
    return name


def named_id(arguments: Arguments, pattern: str, what: str) -> str:
    """The id, as `pattern` wants it, that the first argument is. Raises RuleError."""
    name = arguments.name()
    if re.fullmatch(pattern, name) is None:
        better = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")
        hint = did_you_mean(f'"{better}"') if re.fullmatch(pattern, better) else None
        expected = f"the id of {what}: lowercase letters, digits, - and _, at most 64"
        arguments.source.refuse(arguments.call.args[0], expected, hint=hint)
    return name
