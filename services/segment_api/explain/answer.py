"""An explanation as JSON."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.segmentation.explanation import words
from services.segmentation.explanation.sentence import sentence
from services.segmentation.explanation.tree import Composed, Explanation, Group, Leaf, Node, Obstacle
from services.segmentation.rules import nodes


class SoonerView(BaseModel):
    """What would change a condition at once."""

    text: str
    change: dict[str, Any] = Field(
        description='such as `{"event": "add_to_cart", "where": {"category": "shoes"}, "times": 2}`; also with '
        "`different` (a property of which each has a new value), `with` (properties of the event) or `where_not`; an "
        "`event` that is null is of any type; `sequence` is a list of events in this order; `trait`, `context` and "
        "`request` come to compare by `operator` with `value`; `list` and `listed`"
    )


class _Condition(BaseModel):
    text: str = Field(description="the rule, or the part of it that this is about")
    holds: bool
    changes_at: int | None = Field(description="when that changes next if nothing else happens; null for never")


class LeafView(_Condition):
    """A comparison. Times are milliseconds."""

    kind: Literal["leaf"]
    term: str
    operator: Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "completed", "listed"]
    value: Any = Field(description="what the term is worth; null where there is nothing")
    value_text: str
    threshold: Any = Field(description="what it is compared with; a list with `in` and `not in`")
    threshold_text: str
    sooner: SoonerView | None = Field(description="null where nothing but time can change it")


class GroupView(_Condition):
    kind: Literal["and", "or", "not"]
    children: list["NodeView"]


class ComposedView(_Condition):
    """Another segment."""

    kind: Literal["segment"]
    segment: str
    name: str
    children: list["NodeView"] = Field(description="its own tree where it is named first; else nothing")


NodeView = Annotated[LeafView | GroupView | ComposedView, Field(discriminator="kind")]


class ExplainAnswer(BaseModel):
    """Why a user is in a segment at a moment, or is not. Moments are milliseconds since 1970."""

    user_id: str
    segment: str
    name: str
    status: Literal["live", "draft"]
    known: bool = Field(description="false for a user of whom nothing is known")
    at: int = Field(description="the moment that the answer is about")
    catalog_version: int
    in_segment: bool = Field(description="whether the rule holds")
    served: bool = Field(description="whether a lookup answers with the segment")
    not_served_because: list[Obstacle] = Field(description="what speaks against that, whether the rule holds or not")
    since: int | None = Field(description="as in lookups; null where the rule does not hold")
    until: int | None
    covered_since: int | None = Field(
        description="the moment from which all that the rule looks at is held; null where nothing of it is missing"
    )
    sentence: str
    tree: NodeView


def explain_answer(user_id: str, explanation: Explanation) -> dict[str, Any]:
    """The explanation as an `ExplainAnswer`."""
    segment = explanation.ready.segment
    return {
        "user_id": user_id,
        "segment": segment.id,
        "name": segment.definition.name,
        "status": segment.definition.status,
        "known": explanation.known,
        "at": explanation.at_ms,
        "catalog_version": explanation.catalog_version,
        "in_segment": explanation.in_segment,
        "served": explanation.served,
        "not_served_because": explanation.obstacles,
        "since": explanation.since_ms,
        "until": explanation.until_ms,
        "covered_since": explanation.covered_since_ms,
        "sentence": sentence(explanation),
        "tree": _node(explanation.tree),
    }


def _node(node: Node) -> dict[str, Any]:
    seen = {"text": words.clean(str(node.condition)), "holds": node.holds, "changes_at": node.changes_at_ms}
    match node:
        case Leaf():
            return {"kind": "leaf", **seen, **_leaf(node)}
        case Group():
            return {"kind": _kind(node), **seen, "children": [_node(child) for child in node.children]}
        case Composed():
            named = {"segment": node.condition.segment_id, "name": node.name}
            return {"kind": "segment", **seen, **named, "children": [_node(node.tree)] if node.tree else []}


def _kind(group: Group) -> str:
    match group.condition:
        case nodes.And():
            return "and"
        case nodes.Or():
            return "or"
        case nodes.Not():
            return "not"


def _leaf(leaf: Leaf) -> dict[str, Any]:
    reading, sooner = leaf.reading, leaf.sooner
    return {
        "term": words.clean(str(reading.claim.term or leaf.condition)),
        "operator": reading.claim.symbol,
        "value": reading.value,
        "value_text": reading.value_text,
        "threshold": reading.threshold,
        "threshold_text": reading.threshold_text,
        "sooner": {"text": sooner.text, "change": sooner.change} if sooner else None,
    }
