"""What is worth a warning in a rule for what models say at present; `lint` knows only what they could ever say."""

from collections.abc import Iterator, Mapping

from services.segment_api.models.clusters import clusters_of, names_of
from services.segmentation.catalog import Catalog
from services.segmentation.rules import nodes
from services.segmentation.rules.outcomes import constants

MOST = 10
"""Clusters that a warning names."""


def cautions(rule: nodes.Rule, catalog: Catalog) -> Iterator[Mapping[str, str]]:
    """Each as `code` and `message`."""
    silent = {term.model for _, term in _terms(rule) if catalog.registry.told_since(term.model) is None}
    for model in sorted(silent):
        message = f"the model {model} has no snapshot yet, and says nothing of anybody until it has"
        yield {"code": "silent-model", "message": message}
    for leaf, term in _terms(rule):
        if isinstance(term, nodes.Cluster) and term.model not in silent:
            yield from _of_clusters(leaf, term.model, catalog)


def _of_clusters(leaf: nodes.Leaf, model_id: str, catalog: Catalog) -> Iterator[Mapping[str, str]]:
    model = catalog.registry.models[model_id]
    clusters, names = clusters_of(catalog, model), names_of(catalog, model)
    there = {} if clusters is None else {each: names.get(each) for each in sorted(set(clusters.ids), key=_number)}
    told = [each if name is None else f"{each} ({name})" for each, name in there.items()]
    known = ", ".join(told[:MOST]) + (", …" if len(told) > MOST else "")
    for literal in constants(leaf):
        if literal.value not in there:
            message = f"no cluster of the model {model_id} has the id {literal.value} now; there is {known}"
            yield {"code": "unknown-cluster", "message": message}


def _terms(rule: nodes.Rule) -> Iterator[tuple[nodes.Leaf, nodes.ModelTerm]]:
    for leaf in nodes.leaves(rule):
        term = nodes.term_of(leaf)
        if isinstance(term, nodes.ModelTerm):
            yield leaf, term


def _number(cluster: str) -> tuple[int, str]:
    """c2 before c10."""
    return len(cluster), cluster
