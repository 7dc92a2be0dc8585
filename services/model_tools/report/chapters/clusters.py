"""The chapter of a model that finds groups."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from services.model_tools.report.chapters.frame import framed
from services.model_tools.report.chapters.moving import moves_picture
from services.model_tools.report.chapters.wording import day_of, part, sets_apart
from services.model_tools.report.drawing import colour_of
from services.model_tools.report.look import Look
from services.model_tools.report.parts import Chapter, Picture, Table
from services.model_tools.report.pictures.courses import shares
from services.model_tools.report.pictures.maps import Plane, coloured_by_group
from services.model_tools.report.pictures.tables import heat, tilted
from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.snapshots import ClusterFacts, Clusters
from services.segmentation.training.telling.measures import Measure

MOST_FEATURES = 16
MOST_HAPPENINGS = 15
TRAITS = 4
_HAPPENINGS: Mapping[str, str] = {
    "appeared": "{} appeared",
    "split": "{} split off {}",
    "merged": "{} took in {}",
    "faded": "{} faded",
    "returned": "{} returned",
}
BLURRED = 0.1
"""A silhouette below this says that groups run into each other."""


def clusters_chapter(look: Look, clusters: Clusters) -> Chapter:
    facts = sorted(clusters.facts, key=lambda each: -each.size)
    colours = {each.id: colour_of(int(each.id[1:])) for each in facts}
    return framed(
        look.tried,
        _remarks(facts),
        [
            _groups(facts, colours),
            _apart(look, facts, colours),
            *_pictures(look, clusters, facts, colours),
            _happenings(clusters),
        ],
    )


def _remarks(facts: Sequence[ClusterFacts]) -> Iterator[str]:
    seen = sum(each.size for each in facts)
    yield f"{len(facts)} groups; sizes are told from the {seen:,} users of the panel."
    known = [(each.silhouette, each.size) for each in facts if each.silhouette is not None]
    if known:
        silhouette = sum(value * size for value, size in known) / sum(size for _, size in known)
        yield f"Silhouette {silhouette:.2f}: {_clarity(silhouette)}."
    if len(facts) == 1:
        yield "A single group sets nobody apart: try other features, or more clusters in the parameters."


def _clarity(silhouette: float) -> str:
    if silhouette < BLURRED:
        return "the groups run into each other; fewer of them, or fewer and better chosen features, may be clearer"
    return "the groups overlap at their edges, as people do" if silhouette < 0.5 else "the groups stand well apart"


def _groups(facts: Sequence[ClusterFacts], colours: Mapping[str, str]) -> Table:
    rows = [
        (
            each.id,
            each.name,
            f"{each.size:,}",
            part(each.share),
            "-" if each.silhouette is None else f"{each.silhouette:.2f}",
            f"{each.drift:.2f}",
            str(each.since_version),
        )
        for each in facts
    ]
    columns = ("id", "name", "users", "share", "silhouette", "drift", "since version")
    return Table("Groups", columns, rows, [colours[each.id] for each in facts], text_columns=2)


def _apart(look: Look, facts: Sequence[ClusterFacts], colours: Mapping[str, str]) -> Table:
    measures = _measures(look)
    rows = [
        (each.id, "; ".join(sets_apart(trait, measures[trait.feature]) for trait in each.traits[:TRAITS]))
        for each in facts
    ]
    dots = [colours[each.id] for each in facts]
    return Table("What sets them apart", ("id", "the strongest first"), rows, dots, text_columns=2)


def _measures(look: Look) -> Mapping[str, Measure]:
    """By feature, what it is told in."""
    definition, vectors = look.tried.definition, look.tried.vectors
    assert isinstance(definition, ClusterModel)
    texts = definition.features.items()
    return {name: Measure.of(name, text, [row[place] for row in vectors]) for place, (name, text) in enumerate(texts)}


def _happenings(clusters: Clusters) -> Table:
    rows = [
        (str(each.version), day_of(each.at_ms), _HAPPENINGS[each.what].format(each.cluster, ", ".join(each.others)))
        for each in clusters.happenings[: -MOST_HAPPENINGS - 1 : -1]
    ]
    return Table("What became of groups, the latest first", ("version", "day", "what"), rows, text_columns=3)


def _pictures(
    look: Look, clusters: Clusters, facts: Sequence[ClusterFacts], colours: Mapping[str, str]
) -> Iterator[Picture]:
    if len(look.scaled):
        groups = [str(group) for group in look.said]
        plane = Plane.of(look.scaled, look.features)
        note = (
            f"{len(groups):,} users as they were seen last, on the plane on which they differ most; it shows "
            f"{part(plane.explained)} of all differences. The axes say what more and less means."
        )
        draw = partial(coloured_by_group, plane, groups, dict(colours))
        yield Picture("map", "The groups on a map", note, draw, 7, 5)
        yield _traits(look, groups, facts)
    if (course := _course(look, colours)) is not None:
        yield course
    if clusters.moves:
        yield moves_picture(clusters.moves, [each.id for each in facts], "group")


def _traits(look: Look, groups: Sequence[str], facts: Sequence[ClusterFacts]) -> Picture:
    own = np.array(groups)
    there = [each for each in facts if (own == each.id).any()]
    means = np.array([look.scaled[own == each.id].mean(axis=0) for each in there])
    chosen = sorted(np.argsort(-means.std(axis=0))[:MOST_FEATURES])
    rows = [f"{each.id}  {part(each.share)}" for each in there]
    names = [look.features[feature] for feature in chosen]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        heat(means[:, chosen], rows, names, 2.0, _deviations, axes)
        tilted(axes)

    left_out = len(look.features) - len(chosen)
    rest = f" The {left_out} in which they differ least are left out." if left_out else ""
    note = f"How far a group's mean is from that of all users, in standard deviations of the feature.{rest}"
    height = 1.5 + 0.36 * len(there)
    return Picture("traits", "What sets the groups apart", note, draw, max(5.0, 1.5 + 0.62 * len(names)), height)


def _deviations(value: float) -> str:
    return f"{value:+.1f}" if abs(value) >= 0.05 else "0"


def _course(look: Look, colours: Mapping[str, str]) -> Picture | None:
    """Nothing where there is only one moment."""
    by_moment: dict[int, Mapping[str, float]] = {}
    for snapshot in look.snapshots:
        if isinstance(snapshot.body, Clusters):
            by_moment[snapshot.at_ms] = {each.id: each.share for each in snapshot.body.facts}
    ids = sorted({name for moment in by_moment.values() for name in moment}, key=lambda name: int(name[1:]))
    if len(by_moment) < 2:
        return None
    heights = {name: [moment.get(name, 0.0) for moment in by_moment.values()] for name in ids}
    every = {name: colours.get(name, colour_of(int(name[1:]))) for name in ids}
    note = "The part of the panel, at each snapshot. A colour stays with its group."
    return Picture("course", "Sizes over time", note, partial(shares, list(by_moment), heights, every), 7, 4)
