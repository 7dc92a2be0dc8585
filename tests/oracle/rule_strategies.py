"""Hypothesis strategies for rules: every term, operator and combination, and nothing that the parser refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from hypothesis import strategies as st

from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import (
    And,
    Average,
    Compare,
    Count,
    Decayed,
    Distinct,
    Filter,
    Holds,
    InSegment,
    Kind,
    Last,
    Listed,
    Literal,
    Member,
    Not,
    Operator,
    Or,
    Request,
    Rule,
    Selection,
    Share,
    Since,
    Sum,
    Tenure,
    Term,
    Trait,
)
from services.segmentation.rules.vocabulary import ModelKind
from tests.oracle.pools import (
    CONTEXT_PATHS,
    DURATIONS_MS,
    FIELDS,
    LISTS,
    ODD_NUMBERS,
    PLAIN_NUMBERS,
    PROPERTIES,
    REQUEST_PATHS,
    STRINGS,
    TRAITS,
    TYPES,
)

COUNT_THRESHOLDS = (1, 2, 0, 3, 5, -1, 1.0, 0.5, 2.5, 256, 255, 257, 1e300)
SUM_THRESHOLDS = (*PLAIN_NUMBERS * 4, 0.3, 0.5, 1.1, 1.5, 4, 6, 1e-6, 2e-6, 4e-6, 100, *ODD_NUMBERS)
# Near 1: one within the relative 1e-13 that counts as equal, one beyond it, on each side.
NEAR_ONE = (1.00000000000005, 0.99999999999995, 1.0000000000005, 0.9999999999995)
AVERAGE_THRESHOLDS = (*SUM_THRESHOLDS, *PLAIN_NUMBERS * 2, *NEAR_ONE * 2, 5e14, 0.75, 1.25, 0.55)
DECAY_THRESHOLDS = (0.5, 1, 0.25, 2, 1.5, 0.1, 3, 1e-6, 0, -1, 1e-300, 5e-324, 255.5, 10**20, *NEAR_ONE)
SHARE_THRESHOLDS = (
    0.5,
    0,
    1,
    0.25,
    1 / 3,
    2 / 3,
    0.75,
    1e-9,
    5e-324,
    -1,
    1.5,
    *NEAR_ONE,
    *(each / 2 for each in NEAR_ONE),
)

CLASSES = (1, 2, 3, 4, 5, 2.5, 0, 6)
SCORES = (0.5, 0.25, 0.75, 0.1, 0.9, 0, 1, 1e-6)
MODELS: Mapping[str, ModelKind] = {"groups": "cluster", "likely": "propensity", "odd": "anomaly", "spent": "rfm"}

OPERATORS: tuple[Operator, ...] = get_args(Operator)
WINDOWS: tuple[nodes.Window | None, ...] = (
    *(None, None, 3_600_000, "today", "today", "this_week", "this_month"),
    *DURATIONS_MS,
)
ORDERINGS: tuple[Operator, ...] = ("<", "<=", ">", ">=")


def literal(value: str | float | bool | None) -> Literal:
    """A constant of a rule that is no duration."""
    kinds: dict[type, Kind] = {
        bool: "boolean",
        str: "string",
        type(None): "none",
        int: "number",
        float: "number",
    }
    return Literal(kinds[type(value)], value)


def _pool(values: Sequence[str | float | bool | None]) -> st.SearchStrategy[Literal]:
    return st.sampled_from([literal(value) for value in values])


def _some(literals: st.SearchStrategy[Literal]) -> st.SearchStrategy[tuple[Literal, ...]]:
    unique = st.lists(literals, min_size=1, max_size=3, unique_by=lambda each: (each.kind, each.value))
    return unique.map(tuple)


_durations = st.sampled_from([Literal("duration", ms) for ms in DURATIONS_MS])
_scalars = _pool(("a", 1, True, "b", None, 2, False, 0.1, *STRINGS, *PLAIN_NUMBERS, *ODD_NUMBERS))
_labels = _pool(("a", "b", "a", 1, "a", True, "1", 1.0))
_filtered = st.sampled_from(["category", "context.device.type", "category", "category", *FIELDS])
_filters = st.builds(Filter, _filtered, _some(_labels) | _some(_labels) | _some(_scalars))
_pairs = st.lists(_filters, min_size=2, max_size=2, unique_by=lambda each: each.field)
_filter_sets = st.tuples(_filters) | st.tuples(_filters) | _pairs.map(tuple)
_unbounded = st.builds(Selection, st.sampled_from(TYPES), st.just(()) | _filter_sets)
_selections = st.builds(replace, _unbounded, within=st.sampled_from(WINDOWS))
_amounts = st.sampled_from(["value", "value", *PROPERTIES])

_counts = st.builds(Count, _selections) | st.builds(Distinct, _selections, st.sampled_from(PROPERTIES))
_sums = st.builds(Sum, _selections, _amounts)
_averages = st.builds(Average, _selections, _amounts)
_halflives = st.sampled_from(DURATIONS_MS)
_decays = st.builds(Decayed, _unbounded, _halflives)
_shares = st.builds(Share, st.sampled_from(TYPES), _filters, _halflives)
_steps = st.sampled_from(TYPES).map(Selection) | st.sampled_from(TYPES).map(Selection) | _unbounded
_step_lists = st.lists(_steps, min_size=2, max_size=3) | st.lists(_steps, min_size=2, max_size=8)
_sequences = st.builds(nodes.Sequence, _step_lists.map(tuple), st.sampled_from([None, None, *DURATIONS_MS]))
_times = st.builds(Since, _unbounded) | st.just(Tenure()) | _sequences
_values = st.builds(Trait, st.sampled_from(TRAITS)) | st.builds(Last, st.sampled_from(CONTEXT_PATHS))


@st.composite
def _compares(
    draw: st.DrawFn,
    terms: st.SearchStrategy[Term],
    literals: st.SearchStrategy[Literal],
    operators: Sequence[Operator] = OPERATORS,
) -> Rule:
    """A term beside a literal, on either side, or between two as a chain, which is an And of both halves."""
    term, operator = draw(terms), draw(st.sampled_from(operators))
    shape = draw(st.sampled_from(["term first", "literal first", "chain"]))
    if shape == "term first":
        return Compare(term, operator, draw(literals))
    first = Compare(draw(literals), operator, term)
    if shape == "literal first":
        return first
    return And((first, Compare(term, draw(st.sampled_from(operators)), draw(literals))))


def _members(terms: st.SearchStrategy[Term], literals: st.SearchStrategy[Literal]) -> st.SearchStrategy[Rule]:
    return st.builds(Member, terms, _some(literals), st.booleans())


def _leaves() -> st.SearchStrategy[Rule]:
    """Those that need nothing but the user's events to be judged."""
    thresholds, sums = _pool(COUNT_THRESHOLDS), _pool(SUM_THRESHOLDS)
    return st.one_of(
        _compares(_counts, thresholds),
        _members(_counts, thresholds),
        _compares(_sums, sums),
        _members(_sums, sums),
        _compares(_averages, _pool(AVERAGE_THRESHOLDS), ORDERINGS),
        _compares(_decays, _pool(DECAY_THRESHOLDS), ORDERINGS),
        _compares(_shares, _pool(SHARE_THRESHOLDS), ORDERINGS),
        _compares(_times, _durations),
        _members(_times, _durations),
        st.builds(Compare, _times, st.sampled_from(OPERATORS), _times),
        _compares(_values, _scalars),
        _members(_values, _scalars),
        st.builds(Holds, _values | _sequences),
    )


def _surrounded_leaves() -> st.SearchStrategy[Rule]:
    """Those about lists and the ad request."""
    asked = st.sampled_from(REQUEST_PATHS).map(Request)
    hour, weekday = st.just(Request("hour")), st.just(Request("weekday"))
    hours, days = _pool((18, *range(24))), _pool(range(1, 8))
    return st.one_of(
        st.sampled_from(LISTS).map(Listed),
        _compares(asked, _scalars) | _members(asked, _scalars),
        _compares(hour, hours) | _members(hour, hours),
        _compares(weekday, days) | _members(weekday, days),
    )


def _learned_leaves() -> st.SearchStrategy[Rule]:
    """Those about what models say."""
    groups, likely = st.just(nodes.Cluster("groups")), st.sampled_from(["likely", "odd"]).map(nodes.Score)
    parts: Sequence[nodes.RfmPart] = get_args(nodes.RfmPart)
    classes, numbers = st.sampled_from(parts).map(lambda part: nodes.Rfm("spent", part)), _pool(CLASSES)
    clusters = _pool(("c1", "c2", "c3", "c4"))
    return st.one_of(
        _compares(groups, clusters, ("==", "!=")),
        _members(groups, clusters),
        _compares(likely, _pool(SCORES), ORDERINGS),
        _compares(classes, numbers),
        _members(classes, numbers),
    )


def _combine(conditions: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(conditions, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, conditions)


SEGMENT_IDS = ("s-0", "s-1", "s-2", "s-3")
# Made once: Hypothesis examines every strategy that it has not met before.
_alone = _leaves()
_surrounded = _surrounded_leaves()
_composed = [_alone | _surrounded]
_composed += [
    st.one_of(_alone, _surrounded, _surrounded, st.sampled_from(SEGMENT_IDS[:place]).map(InSegment))
    for place in range(1, len(SEGMENT_IDS))
]


_learned = _learned_leaves()
_modelled = [_learned | _learned | each for each in _composed]


@st.composite
def _leaf(draw: st.DrawFn, place: int | None = None, *, with_models: bool = False) -> Rule:
    """A name for what Hypothesis would print on many pages."""
    return draw(_alone if place is None else (_modelled if with_models else _composed)[place])


_rules = st.recursive(_leaf(), _combine, max_leaves=5)
_rules_by_place, _modelled_by_place = (
    [st.recursive(_leaf(place, with_models=each), _combine, max_leaves=5) for place in range(len(SEGMENT_IDS))]
    for each in (False, True)
)
_terms = st.one_of(_counts, _sums, _averages, _decays, _shares, _times, _values)


def rules() -> st.SearchStrategy[Rule]:
    """Every term and operator that is about the user's events, nested with and, or, not."""
    return _rules


def measured() -> st.SearchStrategy[Term | Rule]:
    """What a model can measure of a user's events."""
    return st.one_of(_terms, _terms, _leaf())


@st.composite
def catalogs(draw: st.DrawFn, *, with_models: bool = False) -> dict[str, Rule]:
    """Rules of the whole language by id, each of which may refer to those before it, and to models if there are any."""
    size = draw(st.integers(1, len(SEGMENT_IDS)))
    rules_by_place = _modelled_by_place if with_models else _rules_by_place
    return {SEGMENT_IDS[place]: draw(rules_by_place[place]) for place in range(size)}
