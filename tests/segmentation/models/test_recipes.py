"""What is measured for each kind of model."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.models.definition import MODEL
from services.segmentation.models.features import BadFeature, Features
from services.segmentation.models.measures import MOST
from services.segmentation.models.recipes import RFM_FEATURES, recipe_of
from services.segmentation.models.samples import Vector
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules.scene import Scene
from tests.oracle.comparing import kind, millionths
from tests.oracle.judge import first_arrivals
from tests.oracle.pools import DURATIONS_MS, NOON_MS, USER
from tests.oracle.strategies import histories

DAY = 86_400_000
FEATURES = {"views": 'count("view")', "age": "tenure()"}
RFM: dict[str, Any] = {"kind": "rfm", "name": "Value", "event": "buy"}


@pytest.mark.parametrize(
    "kind_of",
    [{"kind": "cluster"}, {"kind": "lookalike", "seed": "vip"}, {"kind": "propensity"}, {"kind": "anomaly"}],
    ids=lambda each: str(each["kind"]),
)
def test_models_with_features_measure_those(kind_of: dict[str, Any]) -> None:
    recipe = recipe_of(MODEL.validate_python({"name": "M", "features": FEATURES, **kind_of}), KEEP_ALL)
    events = [Event("e", USER, "view", NOON_MS)]
    assert recipe.names == ("views", "age")
    assert vector(recipe, events, NOON_MS) == vector(Features.of(FEATURES, KEEP_ALL), events, NOON_MS)


def test_rfm_measures_age_number_and_amount_in_their_own_units() -> None:
    events = [
        buy(1, NOON_MS - 40 * DAY, 10),
        buy(2, NOON_MS - DAY, 2.5),
        buy(3, NOON_MS - 2 * DAY, 7),
        view(4, NOON_MS),
    ]
    assert rfm_of({}).names == RFM_FEATURES
    assert vector(rfm_of({}), events, NOON_MS) == (DAY, 3, 19.5)
    assert vector(rfm_of({"within": "30d"}), events, NOON_MS) == (DAY, 2, 9.5)
    assert vector(rfm_of({"within": "1h", "value": "cost"}), events, NOON_MS) == (DAY, 0, 0)
    assert vector(rfm_of({"event": "cart"}), events, NOON_MS) == (None, None, None)


def test_an_amount_without_end_is_still_a_number() -> None:
    events = [buy(number, NOON_MS, 1.7e308) for number in range(3)]
    assert vector(rfm_of({}), events, NOON_MS) == (0, 3, MOST)
    events = [buy(number, NOON_MS, -1.7e308) for number in range(3)]
    assert vector(rfm_of({}), events, NOON_MS) == (0, 3, -MOST)


@settings(max_examples=150)
@given(events=histories(), later_ms=st.sampled_from([0, *DURATIONS_MS]), within=st.sampled_from([None, "1h", "30d"]))
def test_rfm_is_what_brute_force_over_the_events_says(events: list[Event], later_ms: int, within: str | None) -> None:
    counted = first_arrivals(events)
    at_ms = max(event.ts_ms for event in counted) + later_ms
    bought = [event for event in counted if event.type == "buy"]
    since_ms = at_ms - {None: at_ms + 1, "1h": 3_600_000, "30d": 30 * DAY}[within]
    recent = [event.properties.get("value") for event in bought if event.ts_ms > since_ms]
    amount: Any = Fraction(sum(millionths(value) for value in recent if kind(value) == "number"), 10**6)
    expected = (
        (at_ms - max(event.ts_ms for event in bought), len(recent), float(max(-MOST, min(MOST, amount))))
        if bought
        else (None,) * 3
    )
    recipe, scene = rfm_of({"within": within}), Scene(profile_of(events))
    assert recipe.vectors(scene, sorted({at_ms - later_ms, at_ms}))[-1] == expected


def test_what_is_not_kept_is_told_by_the_name_of_the_feature() -> None:
    keep = KeepList.parse("value category")
    rfm_of({}, keep)
    with pytest.raises(BadFeature, match=r"^feature value: .*'total', which is not kept") as refusal:
        rfm_of({"value": "total"}, keep)
    assert refusal.value.name == "value"
    bad = MODEL.validate_python({"kind": "anomaly", "name": "A", "features": {"views": "cuont('view')"}})
    with pytest.raises(BadFeature, match=r"^feature views: "):
        recipe_of(bad, keep)


def test_a_property_may_have_any_name() -> None:
    events = [Event("e", USER, "buy", NOON_MS, properties={'a "b"\\\n\'': 3})]
    assert vector(rfm_of({"value": 'a "b"\\\n\''}), events, NOON_MS) == (0, 1, 3)


def rfm_of(change: dict[str, Any], keep: KeepList = KEEP_ALL) -> Features:
    return recipe_of(MODEL.validate_python(RFM | change), keep)


def vector(recipe: Features, events: list[Event], at_ms: int) -> Vector:
    return recipe.vector(Scene(profile_of(events)), at_ms)


def profile_of(events: list[Event]) -> Profile:
    profile = add_all(None, events, KEEP_ALL)
    assert profile is not None
    return profile


def buy(number: int, ts_ms: int, value: float) -> Event:
    return Event(f"b{number}", USER, "buy", ts_ms, properties={"value": value})


def view(number: int, ts_ms: int) -> Event:
    return Event(f"v{number}", USER, "view", ts_ms, properties={"value": 100})
