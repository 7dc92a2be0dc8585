"""An explanation as one sentence that a marketer would write, and a few short ones after it where they are needed."""

from collections.abc import Iterator
from datetime import tzinfo

from services.segmentation.explanation import words
from services.segmentation.explanation.readings import asked
from services.segmentation.explanation.tree import Composed, Explanation, Group, Leaf, Node
from services.segmentation.rules import nodes

MAX_NAME = 200
MAX_LEVELS = 3
"""Of conditions within conditions; what is deeper is only counted."""


def sentence(explanation: Explanation) -> str:
    """What the explanation says, in English; moments by the clocks of its zone."""
    return " ".join([f"{_head(explanation)}: {_reasons(explanation)}.", *_notes(explanation)])


def _head(told: Explanation) -> str:
    name, zone = words.quoted(told.ready.segment.definition.name, MAX_NAME), told.zone
    request = " for such a request" if told.ready.asks else ""
    if told.since_ms is None:
        until_ms = told.tree.changes_at_ms
        until = "" if until_ms is None else f" until {words.moment(until_ms, zone)} unless something happens"
        return f"Not in {name}{request}{until}"
    since, until = words.moment(told.since_ms, zone), ""
    if told.until_ms is not None:
        until = f", until {words.moment(told.until_ms, zone, told.since_ms)} unless something happens"
    return f"In {name}{request} since {since}{until}"


def _reasons(told: Explanation) -> str:
    """Why; what is missing comes first, and after it what is there."""
    tree = told.tree
    reasons = _why(tree, told.zone, wanted=True)
    if told.in_segment or not isinstance(tree, Group) or not isinstance(tree.condition, nodes.And):
        return reasons
    met = [_why(child, told.zone, wanted=True) for child in tree.children if child.holds]
    return f"{reasons}; all else is there: {words.enumerated(met, 'and')}" if met else reasons


def _why(node: Node, zone: tzinfo, *, wanted: bool, level: int = 0) -> str:
    """Why a node is true or is not, where it is wanted to be true or not to be."""
    match node:
        case Leaf():
            return _of_leaf(node, zone, wanted=wanted)
        case Composed():
            return _of_segment(node, zone, wanted=wanted, level=level)
        case Group(nodes.Not()):
            return _why(node.children[0], zone, wanted=not wanted, level=level)
    return _of_group(node, zone, wanted=wanted, level=level)


def _of_group(group: Group, zone: tzinfo, *, wanted: bool, level: int) -> str:
    """Of what is asked altogether, all that is there or else all that is missing; one thing of it would do where any
    of several is asked."""
    met = group.holds == wanted
    telling = [child for child in group.children if (child.holds == wanted) == met]
    if level >= MAX_LEVELS and len(telling) > 1:
        return f"{len(telling)} conditions are {'met' if met else 'not met'}"
    word = "or" if not met and isinstance(group.condition, nodes.And) != wanted else "and"
    text = words.enumerated([_why(child, zone, wanted=wanted, level=level + 1) for child in telling], word)
    if len(telling) == 1:
        return text
    text = f"either {text}" if word == "or" else text
    return f"({text})" if level else text


def _of_leaf(leaf: Leaf, zone: tzinfo, *, wanted: bool) -> str:
    claim, fact = leaf.reading.claim, leaf.reading.fact
    what, met = asked(claim, opposite=not wanted), leaf.holds == wanted
    if met:
        return f"{fact} ({what} asked)" if what and (wanted or not _has_no_order(leaf)) else fact
    is_plural = isinstance(claim.term, nodes.Count | nodes.Distinct) and not what.endswith(" 1")
    why = f" where {what} {'are' if is_plural else 'is'} asked" if what else "" if wanted else ", which is not asked"
    return f"{fact}{why}{_remedy(leaf, zone)}"


def _has_no_order(leaf: Leaf) -> bool:
    """A value that is missing is neither more nor less than anything."""
    claim = leaf.reading.claim
    is_value = isinstance(claim.term, nodes.Trait | nodes.Last | nodes.Request | nodes.Score | nodes.Rfm)
    return is_value and leaf.reading.value is None and claim.symbol in ("<", "<=", ">", ">=")


def _remedy(leaf: Leaf, zone: tzinfo) -> str:
    remedies = [f"{leaf.sooner.text} would do"] if leaf.sooner else []
    if leaf.changes_at_ms is not None:
        remedies.append(f"comes by itself on {words.moment(leaf.changes_at_ms, zone)}")
    return f" ({', or '.join(remedies)})" if remedies else ""


def _of_segment(node: Composed, zone: tzinfo, *, wanted: bool, level: int) -> str:
    fact = f"is {'' if node.holds else 'not '}in {words.quoted(node.name, MAX_NAME)}"
    if node.holds == wanted or node.tree is None or level >= MAX_LEVELS:
        return fact
    why = _why(node.tree, zone, wanted=wanted, level=level + 1)
    return f"{fact} {why if why.startswith('(') else f'({why})'}"


def _notes(told: Explanation) -> Iterator[str]:
    if not told.known:
        yield "Nothing is known of this user" + (
            ", so no lookup tells of it." if "unknown-user" in told.obstacles else "."
        )
    if "draft" in told.obstacles:
        yield "It is a draft, which no lookup tells of."
    if "consent" in told.obstacles:
        yield "The user's consent does not allow lookups to tell of it."
    if told.covered_since_ms is not None:
        yield f"Of what it looks at, only what happened since {words.moment(told.covered_since_ms, told.zone)} is held."
