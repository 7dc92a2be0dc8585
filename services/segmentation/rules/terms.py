"""The terms of the rule language: the node that each becomes.

A new term is a line in `TERMS`, one in `signatures.py` and a function beside the others; see `rules/__init__.py` for
the whole way.
"""

import ast
from collections.abc import Callable, Mapping
from typing import NoReturn

from services.segmentation.events import LIST_ID_PATTERN, SEGMENT_ID_PATTERN
from services.segmentation.keep import CONTEXT
from services.segmentation.rules import nodes
from services.segmentation.rules.arguments import Arguments, event_type, named_id
from services.segmentation.rules.complaint import Span
from services.segmentation.rules.foreign import foreign
from services.segmentation.rules.model_terms import cluster, rfm, score
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.signatures import SIGNATURES, STEP
from services.segmentation.rules.source import Source
from services.segmentation.rules.vocabulary import Vocabulary

MAX_STEPS = SIGNATURES["sequence"].most
Build = Callable[[Arguments], nodes.Term | nodes.InSegment | nodes.Listed]

_SYNONYMS = {"average": "avg", "mean": "avg", "total": "sum", "unique": "distinct", "recency": "since", "age": "tenure"}


def read_term(source: Source, known: Vocabulary, call: ast.Call) -> nodes.Term | nodes.InSegment | nodes.Listed:
    """The term that a call stands for. Raises RuleError."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in SIGNATURES:
        _refuse_name(source, call, name)
    arguments = Arguments(source, known, call, SIGNATURES[name])
    arguments.check()
    return TERMS[name](arguments)


def refuse_word(source: Source, known: Vocabulary, node: ast.Name) -> NoReturn:
    """Refuse a word by itself where a term has to stand."""
    word = source.quote(node)
    likely, path = nearest(word, SIGNATURES, likeness=0.85), known.nearest_path(word)
    meant = SIGNATURES[likely].usage if likely else f'last("{path}")' if path and "." in path else f'trait("{word}")'
    expected = 'a term, such as count("purchase"), or text in quotes'
    source.refuse(node, expected, f"the word {word} by itself", did_you_mean(meant))


def _refuse_name(source: Source, call: ast.Call, name: str) -> NoReturn:
    works, node = ", ".join(SIGNATURES), call.func
    if name == "step":
        source.refuse(node, f"a step inside a sequence: {SIGNATURES['sequence'].usage}")
    if isinstance(node, ast.Attribute) and node.attr in SIGNATURES:
        source.refuse(node, f"a term without a name before it: {SIGNATURES[node.attr].usage}")
    if isinstance(node, ast.Call):
        source.refuse(Span(source.span(node).end, source.span(call).end), "a comparison after the term, such as == 3")
    complaint = foreign(source, node)
    if complaint is not None:
        raise source.error(complaint)
    meant = _SYNONYMS.get(name.lower()) or nearest(name, SIGNATURES)
    source.refuse(node, f"one of {works}", hint=did_you_mean(meant))


def _count(arguments: Arguments) -> nodes.Term:
    return nodes.Count(arguments.selection())


def _over_field(node: type[nodes.Sum | nodes.Average | nodes.Distinct]) -> Build:
    def build(arguments: Arguments) -> nodes.Term:
        field = arguments.kept_property()
        return node(arguments.selection(), field)

    return build


def _decayed(arguments: Arguments) -> nodes.Term:
    return nodes.Decayed(arguments.selection(), arguments.duration("halflife"))


def _share(arguments: Arguments) -> nodes.Term:
    event_type, (_, field, value) = arguments.event_type(), arguments.call.args
    part = arguments.filter(arguments.name(1), field, value)
    return nodes.Share(event_type, part, arguments.duration("halflife"))


def _since(arguments: Arguments) -> nodes.Term:
    return nodes.Since(arguments.selection())


def _sequence(arguments: Arguments) -> nodes.Term:
    steps = tuple(_step(arguments, each) for each in arguments.call.args)
    return nodes.Sequence(steps, arguments.duration("within") if arguments.call.keywords else None)


def _step(arguments: Arguments, node: ast.expr) -> nodes.Selection:
    """An event type in quotes, or `step(…)` with filters."""
    if not isinstance(node, ast.Call):
        return nodes.Selection(event_type(arguments.source, node))
    if not (isinstance(node.func, ast.Name) and node.func.id == "step"):
        arguments.source.refuse(node.func, "an event type in quotes, or a step", hint=did_you_mean(STEP.usage))
    step = Arguments(arguments.source, arguments.known, node, STEP)
    step.check()
    return step.selection()


def _tenure(_: Arguments) -> nodes.Term:
    return nodes.Tenure()


def _trait(arguments: Arguments) -> nodes.Term:
    return nodes.Trait(arguments.name())


def _last(arguments: Arguments) -> nodes.Term:
    path = arguments.name()
    if CONTEXT + path not in arguments.known.keep:
        near = arguments.known.nearest_path(path.removeprefix(CONTEXT))
        arguments.refuse_field(path, arguments.call.args[0], did_you_mean(near and f'"{near}"'))
    return nodes.Last(path)


def _request(arguments: Arguments) -> nodes.Term:
    return nodes.Request(arguments.name())


def _segment(arguments: Arguments) -> nodes.InSegment:
    segment_id = named_id(arguments, SEGMENT_ID_PATTERN, "a segment")
    better = arguments.known.object_to_segment(segment_id)
    if better is not None:
        expected, _, hint = better.partition("; ")
        arguments.source.refuse(arguments.call.args[0], expected, hint=hint or None)
    return nodes.InSegment(segment_id)


def _listed(arguments: Arguments) -> nodes.Listed:
    return nodes.Listed(named_id(arguments, LIST_ID_PATTERN, "a list"))


TERMS: Mapping[str, Build] = {
    "count": _count,
    "sum": _over_field(nodes.Sum),
    "avg": _over_field(nodes.Average),
    "distinct": _over_field(nodes.Distinct),
    "decayed": _decayed,
    "share": _share,
    "since": _since,
    "sequence": _sequence,
    "tenure": _tenure,
    "trait": _trait,
    "last": _last,
    "segment": _segment,
    "listed": _listed,
    "request": _request,
    "cluster": cluster,
    "score": score,
    "rfm": rfm,
}
