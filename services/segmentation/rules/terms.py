"""The terms of the rule language: which there are, what arguments each takes, and the node each becomes.

A new term is a line in `TERMS` and a function beside the others; see `rules/__init__.py` for the whole way.
"""

import ast
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.segmentation.events import TYPE_PATTERN
from services.segmentation.keep import CONTEXT, KeepList
from services.segmentation.rules import nodes
from services.segmentation.rules.literals import duration_ms, literal, literals, text
from services.segmentation.rules.source import Source

NOT_YET = frozenset({"decayed", "share", "segment", "request", "cluster", "score", "rfm"})
_TYPE = re.compile(TYPE_PATTERN)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call, and the means to read them or to point at what is wrong with them."""

    source: Source
    keep: KeepList
    call: ast.Call
    usage: str

    def texts(self, *names: str) -> list[str]:
        """The positional arguments: just as many strings as `names`, none empty."""
        if len(self.call.args) != len(names):
            found = f"{len(self.call.args)} unnamed arguments in {self.source.quote(self.call)}"
            self.source.refuse(self.call, self.usage, found)
        found_texts = [
            text(self.source, argument, f"{name} in quotes")
            for argument, name in zip(self.call.args, names, strict=True)
        ]
        for argument, value in zip(self.call.args, found_texts, strict=True):
            if not value:
                self.source.refuse(argument, self.usage, "an empty name")
        return found_texts

    def no_keywords(self) -> None:
        for keyword in self.call.keywords:
            self.source.refuse(keyword, self.usage)

    def selection(self, event_type: str, *, window: bool = True) -> nodes.Selection:
        """The events that the named arguments select."""
        if _TYPE.fullmatch(event_type) is None:
            self.source.refuse(
                self.call.args[0], "an event type: a lowercase letter, then lowercase letters, digits and _"
            )
        self._refuse_repeated_arguments()
        within_ms: int | None = None
        filters: list[nodes.Filter] = []
        for keyword in self.call.keywords:
            if keyword.arg == "within" and window:
                within_ms = duration_ms(self.source, keyword.value)
            elif keyword.arg == "where":
                filters += self._where(keyword.value)
            elif keyword.arg in (None, "within", "halflife"):
                self.source.refuse(keyword, self.usage)
            else:
                filters.append(self._filter(str(keyword.arg), keyword, keyword.value))
        self._refuse_repeated_fields(filters)
        return nodes.Selection(event_type, tuple(filters), within_ms)

    def _refuse_repeated_arguments(self) -> None:
        for keyword, earlier in combinations(reversed(self.call.keywords), 2):
            if keyword.arg == earlier.arg:
                self.source.refuse(keyword, "each argument once; a list means any of several values")

    def _refuse_repeated_fields(self, filters: Sequence[nodes.Filter]) -> None:
        """Also of one that is given both by its name and in `where`, which no text of the rule could say again."""
        fields = [each.field for each in filters]
        for field in fields:
            if fields.count(field) > 1:
                expected = "each property once; a list means any of several values"
                self.source.refuse(self.call, expected, f"{field!r} more than once")

    def field(self, name: str, node: ast.AST) -> str:
        """`name`, if profiles keep it."""
        if name not in self.keep:
            expected = f"a property that profiles keep ({self.keep}); the operator's keep list can add it"
            self.source.refuse(node, expected, f"{name!r}, which is not kept")
        return name

    def _where(self, node: ast.expr) -> list[nodes.Filter]:
        if not isinstance(node, ast.Dict):
            self.source.refuse(node, 'a mapping, such as where={"utm-source": "x"}')
        filters = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.source.refuse(value, "a property's name in quotes, a colon and a value")
            filters.append(self._filter(text(self.source, key, "a property's name in quotes"), key, value))
        return filters

    def _filter(self, name: str, node: ast.AST, value: ast.expr) -> nodes.Filter:
        any_of = literals(self.source, value) if isinstance(value, ast.List) else (literal(self.source, value),)
        return nodes.Filter(self.field(name, node), any_of)


def read_term(source: Source, keep: KeepList, call: ast.Call) -> nodes.Term:
    """The term that a call stands for. Raises RuleError."""
    name = call.func.id if isinstance(call.func, ast.Name) else source.quote(call.func)
    if name in NOT_YET:
        source.refuse(call, f"a term that works today: {', '.join(TERMS)}", f"{name}(), which is not yet supported")
    if name not in TERMS:
        near = difflib.get_close_matches(name, TERMS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        source.refuse(call.func, f"one of {', '.join(TERMS)}{hint}")
    usage, build = TERMS[name]
    return build(Arguments(source, keep, call, usage))


def _count(arguments: Arguments) -> nodes.Term:
    (event_type,) = arguments.texts("an event type")
    return nodes.Count(arguments.selection(event_type))


def _over_field(node: type[nodes.Sum | nodes.Average | nodes.Distinct]) -> Callable[[Arguments], nodes.Term]:
    def build(arguments: Arguments) -> nodes.Term:
        event_type, name = arguments.texts("an event type", "a property")
        return node(arguments.selection(event_type), arguments.field(name, arguments.call.args[1]))

    return build


def _since(arguments: Arguments) -> nodes.Term:
    (event_type,) = arguments.texts("an event type")
    return nodes.Since(arguments.selection(event_type, window=False))


def _tenure(arguments: Arguments) -> nodes.Term:
    arguments.texts()
    arguments.no_keywords()
    return nodes.Tenure()


def _trait(arguments: Arguments) -> nodes.Term:
    arguments.no_keywords()
    (name,) = arguments.texts("a trait")
    return nodes.Trait(name)


def _last(arguments: Arguments) -> nodes.Term:
    arguments.no_keywords()
    (path,) = arguments.texts("a path into the context")
    arguments.field(CONTEXT + path, arguments.call.args[0])
    return nodes.Last(path)


TERMS: Mapping[str, tuple[str, Callable[[Arguments], nodes.Term]]] = {
    "count": ('count("type", within="1h", property="value")', _count),
    "sum": ('sum("type", "property", within="1h", property="value")', _over_field(nodes.Sum)),
    "avg": ('avg("type", "property", within="1h", property="value")', _over_field(nodes.Average)),
    "distinct": ('distinct("type", "property", within="1h", property="value")', _over_field(nodes.Distinct)),
    "since": ('since("type", property="value")', _since),
    "tenure": ("tenure()", _tenure),
    "trait": ('trait("name")', _trait),
    "last": ('last("device.type")', _last),
}
