"""What a model says, as a term of a rule. Everything that decides how it compares lives here.

Where it says nothing the term is None: unequal to everything, ordered with nothing, in no list.
"""

from bisect import bisect_right
from collections.abc import Callable

from services.segmentation.intervals import Intervals, from_steps
from services.segmentation.rules import nodes
from services.segmentation.rules.decay import holds, sign
from services.segmentation.rules.outputs import Output
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.values import ORDER, compare


def output_comparison(
    term: nodes.ModelTerm, symbol: nodes.Operator, literal: nodes.Literal
) -> Callable[[Scene], Intervals]:
    """When a term compares so with a constant."""
    model, test = term.model, _test(term, symbol, literal)
    return lambda scene: from_steps([(at_ms, test(output)) for at_ms, output in scene.said(model)])


def told(term: nodes.ModelTerm, output: Output) -> str | float | None:
    """What the term is worth where a model says so; None too where it says something of another sort."""
    match term, output:
        case nodes.Cluster(), str():
            return output
        case nodes.Score(), float() | int():
            return output
        case nodes.Rfm(_, part), (r, f, m):
            return {"r": r, "f": f, "m": m}[part]
    return None


def told_at(term: nodes.ModelTerm, scene: Scene, at_ms: int) -> str | float | None:
    """The same at a moment that is not before the profile's latest event."""
    steps = scene.said(term.model)
    _, output = steps[bisect_right(steps, at_ms, key=lambda step: step[0]) - 1]
    return told(term, output)


def _test(term: nodes.ModelTerm, symbol: nodes.Operator, literal: nodes.Literal) -> Callable[[Output], bool]:
    if isinstance(term, nodes.Cluster):  # what is no text is unequal to all text
        order, cluster = ORDER[symbol], literal.value
        return lambda output: bool(order(output, cluster))
    if isinstance(term, nodes.Rfm):
        return lambda output: compare(told(term, output), symbol, literal)
    assert isinstance(literal.value, int | float)
    threshold = float(literal.value)
    return lambda output: isinstance(output, float | int) and holds(symbol, sign(output, threshold))
