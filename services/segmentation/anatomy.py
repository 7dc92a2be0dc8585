"""What a rule is made of, as far as the catalog has to know it: other segments, models, and conditions on the ad
request.

What depends on the request stays an expression until a lookup is made, in which a segment that is named twice is there
twice, and so is all that it is made of. So the size of a composition is bounded before anybody evaluates it.
"""

from collections.abc import Mapping

from services.segmentation.rules import nodes

MAX_LEVELS = 20
MAX_CONDITIONS = 200


def segments_in(rule: nodes.Rule) -> tuple[str, ...]:
    """The ids of the segments that a rule names, each once."""
    named = [leaf.segment_id for leaf in nodes.leaves(rule) if isinstance(leaf, nodes.InSegment)]
    return tuple(dict.fromkeys(named))


def models_in(rule: nodes.Rule) -> tuple[str, ...]:
    """The ids of the models that a rule names, each once."""
    terms = (nodes.term_of(leaf) for leaf in nodes.leaves(rule))
    return tuple(dict.fromkeys(term.model for term in terms if isinstance(term, nodes.ModelTerm)))


def asks(rule: nodes.Rule) -> bool:
    """Whether it has a condition on the request itself."""
    return any(isinstance(nodes.term_of(leaf), nodes.Request) for leaf in nodes.leaves(rule))


def conditions_in(rule: nodes.Rule, of_segments: Mapping[str, int]) -> int:
    """The conditions on the request in a rule, with those of the segments that it names, counted each time."""
    return sum(
        of_segments[leaf.segment_id]
        if isinstance(leaf, nodes.InSegment)
        else isinstance(nodes.term_of(leaf), nodes.Request)
        for leaf in nodes.leaves(rule)
    )


def bound_exceeded(levels: int, conditions: int) -> str | None:
    """What a segment may be at most, where it is more."""
    if levels > MAX_LEVELS:
        return f"at most {MAX_LEVELS} levels of segments within segments"
    if conditions > MAX_CONDITIONS:
        return f"at most {MAX_CONDITIONS} conditions on the request, those of the segments within counted each time"
    return None
