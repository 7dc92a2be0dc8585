"""What the report says of a model is what its snapshot says, in words."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from services.model_tools.hindsight import Judged
from services.model_tools.report.chapters.anomalies import anomalies_chapter
from services.model_tools.report.chapters.clusters import clusters_chapter
from services.model_tools.report.chapters.ranks import ranks_chapter
from services.model_tools.report.chapters.scores import FEW, scores_chapter
from services.model_tools.report.chapters.wording import number, part, sets_apart
from services.model_tools.report.look import Look
from services.model_tools.report.page import page
from services.model_tools.report.parts import Chapter, Table
from services.model_tools.tried import Recorded, Tried
from services.segmentation.models.definition import MODEL
from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import (
    Body,
    Classes,
    ClusterFacts,
    Clusters,
    Happening,
    Linear,
    Move,
    Snapshot,
    Trait,
    Trees,
)
from services.segmentation.training.telling.measures import Measure

DAY_MS = 86_400_000
RECORDED = Recorded(name="log", events=9_000, bad_rows=3, users=70, first_ms=0, latest_ms=9 * DAY_MS)
FEATURES = {"pages": 'count("page_view")', "known_for": "tenure()"}


END_MS = 9 * DAY_MS


def look(
    kind: str,
    body: Body,
    vectors: tuple[Vector, ...] = (),
    judged: tuple[Judged, ...] = (),
    sampled_ms: tuple[int, ...] | None = None,
) -> Look:
    more = {"features": FEATURES} if kind != "rfm" else {}
    seed = {"seed": "s"} if kind == "lookalike" else {}
    definition = MODEL.validate_python({"name": "Name", "kind": kind, **more, **seed})
    tried = Tried(
        model="m",
        definition=definition,
        recorded=RECORDED,
        samples=80,
        vectors=vectors,
        sampled_ms=(END_MS,) * len(vectors) if sampled_ms is None else sampled_ms,
        judged=judged,
    )
    names = ("recency_ms", "frequency", "value") if kind == "rfm" else tuple(FEATURES)
    scale = Scale((0.0,) * len(names), (1.0,) * len(names))
    return Look(tried, [Snapshot("m", 1, definition.digest, names, scale, body, 80, END_MS)])


def table(chapter: Chapter, caption: str) -> Table:
    (found,) = (each for each in chapter.tables if each.caption.startswith(caption))
    return found


def facts(cluster: str, size: int, silhouette: float | None = 0.4) -> ClusterFacts:
    traits = (Trait("pages", 12.0, 3.0, 1.2), Trait("known_for", 0.5, 0.5, -0.6), Trait("pages", 0.0, 0.0, -0.3))
    return ClusterFacts(cluster, f"name of {cluster}", size, size / 100, 0.25, silhouette, traits, ((1.0, 2.0),), 4)


CLUSTERS = Clusters(
    ((0.0, 0.0), (5.0, 5.0)),
    ("c2", "c10"),
    facts=(facts("c2", 30), facts("c10", 70, 0.02)),
    happenings=(
        Happening(1, 0, "appeared", "c2"),
        Happening(2, DAY_MS, "split", "c10", ("c2",)),
        Happening(3, 2 * DAY_MS, "merged", "c2", ("c3", "c4")),
        Happening(4, 3 * DAY_MS, "faded", "c5"),
        Happening(5, 4 * DAY_MS, "returned", "c5"),
    ),
    moves=(Move(3, "c2", "c10", 7),),
)


def test_groups_are_told_the_largest_first() -> None:
    chapter = clusters_chapter(look("cluster", CLUSTERS, ((0.0, 0.1), (4.0, 4.1), (5.0, 5.1))), CLUSTERS)
    rows = table(chapter, "Groups").rows
    assert rows == [
        ("c10", "name of c10", "70", "70%", "0.02", "0.25", "4"),
        ("c2", "name of c2", "30", "30%", "0.40", "0.25", "4"),
    ]
    assert table(chapter, "What sets them apart").rows[1] == (
        "c2",
        "much more pages, 12 instead of 4; less known_for, 12h instead of 1d; a bit less pages, 0",
    )
    assert chapter.remarks[0].startswith("2 groups; sizes are told from the 100 users")
    assert chapter.remarks[1].startswith("Silhouette 0.13: the groups overlap")
    assert {each.name for each in chapter.pictures} == {"map", "traits", "moves"}


def test_what_visitors_or_definitions_say_is_text_on_the_page() -> None:
    named = facts("c1", 100)._replace(name="readers of <b>sports</b>")
    clusters = Clusters(((0.0, 0.0),), ("c1",), facts=(named,))
    written = page([clusters_chapter(look("cluster", clusters), clusters)])
    assert "readers of &lt;b&gt;sports&lt;/b&gt;" in written
    assert "<b>sports" not in written


def test_what_became_of_groups_is_told_the_latest_first() -> None:
    rows = table(clusters_chapter(look("cluster", CLUSTERS), CLUSTERS), "What became").rows
    assert rows == [
        ("5", "05 Jan 1970", "c5 returned"),
        ("4", "04 Jan 1970", "c5 faded"),
        ("3", "03 Jan 1970", "c2 took in c3, c4"),
        ("2", "02 Jan 1970", "c10 split off c2"),
        ("1", "01 Jan 1970", "c2 appeared"),
    ]


def test_sizes_over_time_are_those_of_each_version() -> None:
    seen = look("cluster", CLUSTERS)
    (first,) = seen.snapshots
    seen.snapshots = [first, replace(first, version=2, at_ms=10 * DAY_MS)]
    names = [each.name for each in clusters_chapter(seen, CLUSTERS).pictures]
    assert names == ["course", "moves"]


def test_a_single_group_and_blurred_ones_are_told_of() -> None:
    single = Clusters(((0.0, 0.0),), ("c1",), facts=(facts("c1", 100, None),))
    assert any("A single group" in each for each in clusters_chapter(look("cluster", single), single).remarks)
    blurred = Clusters(((0.0, 0.0),), ("c1",), facts=(facts("c1", 100, 0.05),))
    assert any("run into each other" in each for each in clusters_chapter(look("cluster", blurred), blurred).remarks)


def test_classes_are_told_with_their_bounds() -> None:
    classes = Classes((DAY_MS, 2 * DAY_MS, 4 * DAY_MS, 8 * DAY_MS), (2.0, 3.0, 5.0, 8.0), (10.0, 20.0, 40.0, 1_000.0))
    best, worst, nobody = (0.0, 9.0, 2_000.0), (9.0 * DAY_MS, 1.0, 1.0), (None, None, None)
    chapter = ranks_chapter(look("rfm", classes, (best, worst, best, nobody)), classes)
    assert table(chapter, "What the classes mean").rows == [
        ("5", "less than 1d", "8 or more", "1,000 or more"),
        ("4", "less than 2d", "5 or more", "40 or more"),
        ("3", "less than 4d", "3 or more", "20 or more"),
        ("2", "less than 8d", "2 or more", "10 or more"),
        ("1", "8d or more", "less than 2", "less than 10"),
    ]
    groups = {row[0]: row[2:] for row in table(chapter, "Well-known").rows}
    assert groups["champions"] == ("2", "67%")
    assert groups["asleep"] == ("1", "33%")
    assert groups["new customers"] == ("0", "0.0%")
    assert chapter.remarks[0].startswith("3 of 4 users of the sample had the event")
    (drawn,) = (each for each in chapter.pictures if each.name == "classes")
    drawn.draw(figure := Figure())
    users, values = ({text.get_position(): text.get_text() for text in axes.texts} for axes in figure.axes)
    assert users == {(4, 0): "67%", (0, 4): "33%"}
    assert values == {(4, 0): "5.0", (0, 4): "1.0"}


def test_who_was_not_seen_again_has_aged_until_the_moment_of_the_bounds() -> None:
    classes = Classes((DAY_MS, 2 * DAY_MS, 4 * DAY_MS, 8 * DAY_MS), (2.0, 3.0, 5.0, 8.0), (10.0, 20.0, 40.0, 1_000.0))
    once, often = (0.0, 1.0, 1.0), (0.0, 9.0, 2_000.0)
    sampled_ms = (END_MS, END_MS - 9 * DAY_MS, END_MS - DAY_MS + 1, END_MS - 5 * DAY_MS, END_MS)
    chapter = ranks_chapter(look("rfm", classes, (once, once, often, often, (None,) * 3), (), sampled_ms), classes)
    groups = {row[0]: row[2] for row in table(chapter, "Well-known").rows}
    assert groups == {
        "champions": "1",
        "loyal customers": "0",
        "new customers": "1",
        "big spenders at risk": "1",
        "asleep": "1",
    }


def test_equal_bounds_are_explained() -> None:
    classes = Classes((1, 2, 3, 4), (2.0, 2.0, 3.0, 4.0), (1.0, 2.0, 3.0, 4.0))
    assert any("stay empty" in each for each in ranks_chapter(look("rfm", classes), classes).remarks)


def test_scores_are_judged_by_their_later_half() -> None:
    early = tuple(Judged(float(number % 2), number % 2 == 0) for number in range(2 * FEW))
    late = tuple(Judged(float(number % 2), number % 2 == 1) for number in range(2 * FEW))
    linear = Linear((0.5, -2.0), 0.0, ((0.0, 0.0), (1.0, 1.0)))
    chapter = scores_chapter(look("propensity", linear, judged=early + late), linear)
    assert any("Area under the curve 1.000" in each for each in chapter.remarks)
    assert [row[3] for row in table(chapter, "In the course of time").rows] == ["0.000", "0.000", "1.000", "1.000"]
    assert [row[2] for row in table(chapter, "In the course of time").rows] == ["0.500"] * 4
    shown = table(chapter, "What was said").rows
    assert [(row[0], row[1], row[3]) for row in shown] == [("1.000", "100.00%", "500"), ("0.000", "0.00%", "500")]


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        ((), "Nothing that was said has come true or false yet"),
        ((Judged(0.5, False), Judged(0.4, False)), "It was never true"),
        ((Judged(0.5, True), Judged(0.4, True)), "It was always true"),
        ((Judged(0.5, True), Judged(0.4, False)), "2 answers are few"),
    ],
)
def test_a_score_of_which_little_can_be_said_says_so(judged: tuple[Judged, ...], told: str) -> None:
    linear = Linear((0.5, -2.0), 0.0, ((0.0, 0.0), (1.0, 1.0)))
    chapter = scores_chapter(look("lookalike", linear, judged=judged), linear)
    assert any(told in each for each in chapter.remarks)


def test_the_most_unusual_are_told_with_what_is_far_from_the_mean() -> None:
    trees = Trees(1, 0.5, ((0,),), ((2.0,),), ((10.0, 9.0, 1.0),), ((-28.0, 0.0), (-12.0, 1.0)))
    chapter = anomalies_chapter(look("anomaly", trees, ((0.0, 0.5), (4.0, -3.0), (0.1, -1.5))), trees)
    rows = table(chapter, "The most unusual of 3 users").rows
    assert rows == [
        ("1.000", "pages +4.0, known_for -3.0"),
        ("0.000", "the mixture of all"),
        ("0.000", "known_for -1.5"),
    ]


def test_a_feature_that_nobody_has_comes_with_a_remedy() -> None:
    definition = MODEL.validate_python(
        {"name": "N", "kind": "cluster", "features": {"device": 'last("device.type")', "bought": 'avg("p", "value")'}}
    )
    nothing = replace(CLUSTERS, facts=tuple(each._replace(traits=()) for each in CLUSTERS.facts))
    vectors: tuple[Vector, ...] = ((None, None), (None, None))
    tried = Tried(
        model="m", definition=definition, recorded=RECORDED, samples=2, vectors=vectors, sampled_ms=(0, 0), judged=()
    )
    remarks = clusters_chapter(Look(tried, look("cluster", nothing).snapshots), nothing).remarks
    assert 'text is no number; compare it, as in last("device.type") == "..."' in remarks[-2]
    assert "there was nothing to measure" in remarks[-1]


@pytest.mark.parametrize(
    ("value", "told"), [(1_234.5, "1,234"), (12.34, "12.3"), (0.0456, "0.046"), (0.0, "0"), (-5.0, "-5")]
)
def test_numbers_have_the_digits_that_tell_them(value: float, told: str) -> None:
    assert number(value) == told


def test_parts_and_traits_are_worded() -> None:
    assert [part(each) for each in (0.0123, 0.0994, 0.0996, 0.5)] == ["1.2%", "9.9%", "10%", "50%"]
    assert sets_apart(Trait("x", 2.0, 0.0, 0.9), Measure.of("x", 'count("page_view")', ())) == "much more x, 2"


@pytest.mark.parametrize(
    ("term", "mean", "of_all", "told"),
    [
        ("tenure()", 0.00041, 0.17, "35s instead of 4h 4m"),
        ('since("form_start")', 0.0238, 3_650.0, "34m 16s instead of never"),
        ('sequence("view", "purchase")', 3_650.0, 40.5, "never instead of 40d 12h"),
        ('since("form_start")', 1e-9, 2.0, "0s instead of 2d"),
        ('share("read", "category", "sport", halflife="7d")', 0.3, 0.67, "30% instead of 67%"),
        ('last("device.type") == "mobile"', 0.012, 0.5, "1.2% instead of 50%"),
        ('trait("vip")', 0.25, 0.5, "25% instead of 50%"),
        ('trait("age")', 33.0, 44.0, "33 instead of 44"),
    ],
)
def test_what_sets_apart_is_told_in_what_it_is_measured_in(term: str, mean: float, of_all: float, told: str) -> None:
    measure = Measure.of("x", term, (1.0, None, 0.0) if "vip" in term else (3.5,))
    assert sets_apart(Trait("x", mean, mean / of_all, 0.6), measure) == f"more x, {told}"


@pytest.mark.parametrize(("measured", "pages"), [((0.0, 1.0), "0.0%"), ((0.0, 3.5), "0")])
def test_groups_are_set_apart_by_features_in_their_own_units(measured: tuple[float, float], pages: str) -> None:
    terms = {"pages": 'trait("pages")', "known_for": 'share("read", "category", "sport", halflife="7d")'}
    seen = look("cluster", CLUSTERS, tuple((each, 0.1) for each in measured))
    definition = seen.tried.definition.model_copy(update={"features": terms})
    told = clusters_chapter(Look(seen.tried.model_copy(update={"definition": definition}), seen.snapshots), CLUSTERS)
    _, less, a_bit = table(told, "What sets them apart").rows[0][1].split("; ")
    assert (less, a_bit) == ("less known_for, 50% instead of 100%", f"a bit less pages, {pages}")
