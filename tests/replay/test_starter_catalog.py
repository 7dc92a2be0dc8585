"""The catalog to begin with is valid, and alive on the simulation and on each real recording."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
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
from services.segmentation.profile import Profile, add
from services.segmentation.rules.parse import parse
from tests.oracle.judge import judge as judge_by_force
from tests.replay.real_sets import real_set

STARTER = Path(__file__).parents[2] / "deploy" / "segments.yaml"
KEEP = KeepList.parse(DEFAULT_KEEP)

SHOP = {"in-cart-now", "cart-abandoners", "recent-buyers", "repeat-buyers", "new-visitors"}
PRICED = {"big-spenders", "premium-buyers"}
READERS = {"loyal-readers", "broad-readers", "section-regulars", "mobile-visitors", "at-risk"}
OF_ONE_RECORDING = {"department-regulars"}
ALIVE = {
    "rees46": SHOP | PRICED | {"window-shoppers", "fashion-interest", "electronics-interest"},
    "retailrocket": SHOP | {"at-risk", "department-regulars"},
    "globo_news": READERS,
}


@pytest.fixture(scope="module")
def definitions() -> Mapping[str, SegmentDefinition]:
    segments = yaml.safe_load(STARTER.read_text())["segments"]
    return {name: SegmentDefinition.model_validate(each) for name, each in segments.items()}


@pytest.fixture(scope="module")
def catalog(definitions: Mapping[str, SegmentDefinition]) -> Catalog:
    catalog = Catalog()
    for name, definition in definitions.items():
        catalog = catalog.put(name, definition, KEEP)
    return catalog


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
    profile: Profile | None = None
    for event in events:
        profile = add(profile, event, KEEP)
    assert profile is not None
    return {catalog.by_ordinal[span.ordinal].id for span in judge(profile, catalog).at(at_ms)}


def sizes(catalog: Catalog, users: Mapping[str, list[Event]], at_ms: int) -> dict[str, float]:
    """The part of the users that is in each segment; segments without any are left out."""
    count = Counter(name for events in users.values() for name in members(catalog, events, at_ms))
    return {name: size / len(users) for name, size in count.items()}


def recorded(name: str, path: Path, one_in: int = 1) -> tuple[dict[str, list[Event]], int]:
    with open_recording(path) as recording:
        return by_user(recording.rows(readers()[name]), one_in)


def test_every_definition_is_complete(definitions: Mapping[str, SegmentDefinition], catalog: Catalog) -> None:
    assert 10 <= len(catalog.segments) <= 20
    assert len({each.name for each in definitions.values()}) == len(definitions)
    for definition in definitions.values():
        assert definition.description
        assert definition.purposes


def test_every_segment_has_a_comment_above_it(definitions: Mapping[str, SegmentDefinition]) -> None:
    lines = STARTER.read_text().splitlines()
    for name in definitions:
        assert lines[lines.index(f"  {name}:") - 1].startswith("  # "), name


@pytest.mark.parametrize("hour", [4, 22])
def test_all_are_alive_in_the_simulation_at_any_hour(catalog: Catalog, hour: int) -> None:
    ends_ms = 1_763_769_600_000 + hour * 3_600_000
    users, _ = by_user(simulate(seed=1, visitors=1_000, days=30, ends_ms=ends_ms))
    found = sizes(catalog, users, ends_ms)
    assert found.keys() == catalog.segments.keys() - OF_ONE_RECORDING
    assert max(found.values()) < 0.7


def test_the_simulation_s_members_are_those_that_brute_force_finds(
    catalog: Catalog, definitions: Mapping[str, SegmentDefinition]
) -> None:
    rules = {name: parse(each.rule, KEEP) for name, each in definitions.items()}
    ends_ms = 1_763_784_000_000
    users, _ = by_user(simulate(seed=2, visitors=150, days=30, ends_ms=ends_ms))
    for events in users.values():
        for at_ms in (ends_ms, ends_ms + 3 * 86_400_000):
            expected = {name for name, rule in rules.items() if judge_by_force(rule, events, at_ms, KEEP.__contains__)}
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
