"""The terms that say what a model says, and everything that can be wrong with the model that they name."""

from collections.abc import Collection, Mapping
from typing import NoReturn, get_args

from services.segmentation.events import SEGMENT_ID_PATTERN
from services.segmentation.rules import nodes
from services.segmentation.rules.arguments import Arguments, named_id
from services.segmentation.rules.literals import text
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.vocabulary import ModelKind

TERM_OF: Mapping[ModelKind, str] = {
    "cluster": "cluster",
    "lookalike": "score",
    "propensity": "score",
    "anomaly": "score",
    "rfm": "rfm",
}
"""By the kind of a model, the term that says what it says."""

_PARTS = {
    **dict.fromkeys(("recency", "recent"), "r"),
    **dict.fromkeys(("frequency", "frequent", "count"), "f"),
    **dict.fromkeys(("monetary", "money", "value", "amount", "sum", "spend", "spent", "v"), "m"),
}


def cluster(arguments: Arguments) -> nodes.Term:
    return nodes.Cluster(_model(arguments, "cluster"))


def score(arguments: Arguments) -> nodes.Term:
    return nodes.Score(_model(arguments, "score"))


def rfm(arguments: Arguments) -> nodes.Term:
    model, node = _model(arguments, "rfm"), arguments.call.args[1]
    parts: tuple[nodes.RfmPart, ...] = get_args(nodes.RfmPart)
    written = text(arguments.source, node, arguments.signature.unnamed[1])
    for part in parts:
        if written == part:
            return nodes.Rfm(model, part)
    lower = written.lower()
    meant = lower if lower in parts else _PARTS.get(lower) or _PARTS.get(nearest(lower, _PARTS) or "")
    hint = did_you_mean(meant and f'"{meant}"')
    arguments.source.refuse(node, arguments.signature.unnamed[1], hint=hint)


def _model(arguments: Arguments, term: str) -> str:
    """The model that a term names, which has to be one that it can speak of."""
    name, models = named_id(arguments, SEGMENT_ID_PATTERN, "a model"), arguments.known.models
    if models is not None and (name not in models or TERM_OF[models[name]] != term):
        _refuse(arguments, name, models, term)
    return name


def _refuse(arguments: Arguments, name: str, models: Mapping[str, ModelKind], term: str) -> NoReturn:
    kinds = [kind for kind, of_kind in TERM_OF.items() if of_kind == term]
    expected = f"the id of a model of the kind {' or '.join(kinds)}"
    if name in models:
        other = TERM_OF[models[name]]
        meant = f'rfm("{name}", "r")' if other == "rfm" else f'{other}("{name}")'
        found, hint = f"{name}, which is of the kind {models[name]}", did_you_mean(meant)
    else:
        near = did_you_mean(_near(name, models, kinds)) if models else "no model is defined here yet"
        found, hint = f"{name}, which there is not", near
    arguments.source.refuse(arguments.call.args[0], expected, found, hint)


def _near(name: str, models: Mapping[str, ModelKind], kinds: Collection[ModelKind]) -> str | None:
    near = nearest(name, (each for each, kind in models.items() if kind in kinds))
    return near and f'"{near}"'
