"""The catalog to begin with is valid, and alive on the simulation and on each real recording."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from zlib import crc32

import pytest
import yaml

from services.replay.reader import BadRow, Row, open_recording
from services.replay.readers import readers
from services.replay.simulation import simulate
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import MAX_TS_MS, Event, read_event
from services.segmentation.keep import KeepList
from services.segmentation.membership import judge
from services.segmentation.profile import add_all
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from tests.oracle.judge import judge as judge_by_force
from tests.replay.real_sets import real_set
from tests.rules_reference.judging import holds
from tests.rules_reference.stories import read_story

STARTER = Path(__file__).parents[2] / "deploy" / "segments.yaml"
KEEP = KeepList.parse(DEFAULT_KEEP)

SHOP = {"in-cart-now", "cart-abandoners", "cart-retargeting", "recent-buyers", "repeat-buyers", "new-visitors"}
PRICED = {"big-spenders", "premium-buyers"}
INTERESTS = {"fashion-interest", "fashion-first", "electronics-interest"}
READERS = {"loyal-readers", "broad-readers", "section-regulars", "mobile-visitors", "at-risk"}
OF_ONE_RECORDING = {"department-regulars"}
ALIVE = {
    "rees46": SHOP | PRICED | INTERESTS | {"window-shoppers", "hot-prospects", "fast-deciders"},
    "retailrocket": SHOP | {"at-risk", "win-back", "department-regulars", "hot-prospects"},
    "globo_news": READERS,
}

TOLD = {
    "cart-retargeting": """
        -2h add_to_cart
        now: in
        -1d list do-not-advertise until +1h
        now: out
        +1h: in
        +2h purchase
        +3h add_to_cart
        +4h: out
        """,
    "vip-customers": """
        -1d list vip until +1d
        now: in
        +1d: out
        +2d purchase x3 value=200
        +2d: in
        """,
    "bargain-hunters": """
        -9d purchase x2 campaign=sale
        -8d purchase
        now: in
        +1d purchase x2
        +1d: out
        """,
    "win-back": """
        -20d purchase
        now: in
        -1d list do-not-advertise
        now: out
        """,
    "evening-mobile-readers": """
        clock 2026-11-18 20:30 Europe/Paris
        -1d page_view x3 context.timezone=America/New_York
        request device.type=mobile timezone=Europe/Paris
        now: in
        +3h30m: out
        request device.type=mobile
        +4h29m: out
        +4h30m: in
        +5h: in
        request device.type=desktop
        +5h: out
        """,
    "first-visit-on-a-phone": """
        request device.type=mobile
        now: in
        +1m page_view
        +1m: out
        """,
}
"""What happened to a visitor, and when that visitor is in; for each that no simulation and no recording could show."""


@pytest.fixture(scope="module")
def definitions() -> Mapping[str, SegmentDefinition]:
    segments = yaml.safe_load(STARTER.read_text())["segments"]
    return {name: SegmentDefinition.model_validate(each) for name, each in segments.items()}


@pytest.fixture(scope="module")
def catalog(definitions: Mapping[str, SegmentDefinition]) -> Catalog:
    return Catalog().put_all(definitions, KEEP)


def by_user(rows: Iterable[Row | BadRow], one_in: int = 1) -> tuple[dict[str, list[Event]], int]:
    """The events of every user, or of one user in so many, and the time of the latest event of all."""
    users, latest_ms = defaultdict(list), 0
    for row in rows:
        assert isinstance(row, dict)
        latest_ms = max(latest_ms, row["ts"])
        if crc32(row["user_id"].encode()) % one_in == 0:
            users[row["user_id"]].append(read_event(row, arrived_ms=MAX_TS_MS))
    return users, latest_ms


def members(catalog: Catalog, events: Iterable[Event], at_ms: int) -> set[str]:
    profile = add_all(None, events, KEEP)
    assert profile is not None
    return {catalog.by_ordinal[span.ordinal].id for span in judge(profile, catalog, UTC).at(at_ms)}


def sizes(catalog: Catalog, users: Mapping[str, list[Event]], at_ms: int) -> dict[str, float]:
    """The part of the users that is in each segment; segments without any are left out."""
    count = Counter(name for events in users.values() for name in members(catalog, events, at_ms))
    return {name: size / len(users) for name, size in count.items()}


def by_force(rule: Rule, events: list[Event], at_ms: int, rules: Mapping[str, Rule]) -> bool:
    return judge_by_force(rule, events, at_ms, KEEP.__contains__, segments=rules)


def recorded(name: str, path: Path, one_in: int = 1) -> tuple[dict[str, list[Event]], int]:
    with open_recording(path) as recording:
        return by_user(recording.rows(readers()[name]), one_in)


def test_every_definition_is_complete(definitions: Mapping[str, SegmentDefinition], catalog: Catalog) -> None:
    assert 25 <= len(catalog.segments) <= 30
    assert len({each.name for each in definitions.values()}) == len(definitions)
    for definition in definitions.values():
        assert definition.description
        assert definition.purposes


def test_every_segment_has_a_comment_above_it(definitions: Mapping[str, SegmentDefinition]) -> None:
    lines = STARTER.read_text().splitlines()
    for name in definitions:
        assert lines[lines.index(f"  {name}:") - 1].startswith("  # "), name


def test_the_file_needs_nothing_that_stands_further_down(definitions: Mapping[str, SegmentDefinition]) -> None:
    catalog = Catalog()
    for name, definition in definitions.items():
        catalog = catalog.put(name, definition, KEEP)


@pytest.mark.parametrize("name", TOLD)
def test_the_told_visitors_are_in_when_they_should_be(name: str, catalog: Catalog) -> None:
    story = read_story(TOLD[name])
    story.segments |= {each.id: each.definition.rule for each in catalog.segments.values()}
    assert {expected.holds for expected in story.expectations} == {True, False}
    for expected in story.expectations:
        assert holds(catalog.segments[name].definition.rule, story, expected) == expected.holds, expected.line


@pytest.mark.parametrize("hour", [4, 22])
def test_all_are_alive_in_the_simulation_at_any_hour(catalog: Catalog, hour: int) -> None:
    ends_ms = 1_763_769_600_000 + hour * 3_600_000
    users, _ = by_user(simulate(seed=1, visitors=1_000, days=30, ends_ms=ends_ms))
    found = sizes(catalog, users, ends_ms)
    assert found.keys() | TOLD.keys() == catalog.segments.keys() - OF_ONE_RECORDING
    assert max(found.values()) < 0.7


def test_the_simulation_s_members_are_those_that_brute_force_finds(
    catalog: Catalog, definitions: Mapping[str, SegmentDefinition]
) -> None:
    rules = {name: parse(each.rule, KEEP) for name, each in definitions.items()}
    ends_ms = 1_763_784_000_000
    users, _ = by_user(simulate(seed=2, visitors=150, days=30, ends_ms=ends_ms))
    settled = {name: rule for name, rule in rules.items() if not catalog.ready[name].asks}
    for events in users.values():
        for at_ms in (ends_ms, ends_ms + 3 * 86_400_000):
            expected = {name for name, rule in settled.items() if by_force(rule, events, at_ms, rules)}
            assert members(catalog, events, at_ms) == expected


@pytest.mark.parametrize("name", ["rees46", "retailrocket"])
def test_the_fitting_ones_are_alive_at_the_end_of_a_shop_s_recording(catalog: Catalog, name: str) -> None:
    found = sizes(catalog, *recorded(name, real_set(f"{name}/events.csv.gz"), one_in=2))
    assert found.keys() >= ALIVE[name]
    assert max(found.values()) < 0.9


@pytest.mark.long
def test_the_fitting_ones_are_alive_at_the_end_of_the_news_recording(catalog: Catalog) -> None:
    found = sizes(catalog, *recorded("globo_news", real_set("globo_news/clicks.csv.gz"), one_in=20))
    assert found.keys() >= ALIVE["globo_news"]
    assert max(found.values()) < 0.9
