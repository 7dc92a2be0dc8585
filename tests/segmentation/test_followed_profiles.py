"""Who is followed from event to event gets what somebody gets of whom only the stored state is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from unittest.mock import patch

from services.segmentation import memo, profile
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL


def segments_after(rule: str, *events: Event) -> list[bool]:
    """Whether the user is in a segment after each event. Followed all the way is to be as if loaded each time."""
    catalog = Catalog().put("it", SegmentDefinition(name="it", rule=rule), KEEP_ALL)
    followed = loaded = UserState()
    found = []
    for event in events:
        followed = step(followed, [event], catalog, KEEP_ALL, UTC)
        loaded = step(UserState(loaded.profile, loaded.membership), [event], catalog, KEEP_ALL, UTC)
        assert followed == loaded
        assert followed.membership is not None
        found.append(bool(followed.membership.spans))
    return found


def event(number: int, event_type: str = "view", event_id: str | None = None, **traits: object) -> Event:
    return Event(event_id or f"e{number}", "u", event_type, number, traits=traits)


@contextmanager
def room_for(*, events: int = 256, types: int = 100) -> Iterator[None]:
    """With so little that some falls out, and ids that are remembered from the first event on."""
    with (
        patch.multiple(profile, RETAINED=events, REMEMBERED=events, MAX_TYPES=types),
        patch.multiple(memo, MAX_TYPES=types, FEW_IDS=0),
    ):
        yield


def test_a_trait_that_becomes_another_of_what_python_takes_for_equal_is_another() -> None:
    told = [event(number, x=value) for number, value in enumerate((1, True, 1.0, False, 0, True))]
    assert segments_after("trait('x') == 1", *told) == [True, False, True, False, False, False]
    assert segments_after("trait('x')", *told) == [False, True, False, False, False, True]


def test_so_is_the_latest_value_of_the_context() -> None:
    told = [Event(f"e{at}", "u", "view", at, context={"device": {"type": each}}) for at, each in enumerate((0, False))]
    assert segments_after("last('device.type') == 0", *told) == [True, False]


def test_whose_events_of_a_type_fall_out_leaves_what_they_made_true() -> None:
    with room_for(types=2):
        told = [event(1, "zoom"), event(2, "view"), event(3, "buy")]  # the first types by name stay
        assert segments_after("count('zoom') >= 1", *told) == [True, True, False]


def test_an_id_of_a_type_that_fell_out_counts_where_it_comes_again() -> None:
    with room_for(types=2):
        told = [event(1, "zoom", "again"), event(2, "view"), event(3, "buy"), event(4, "buy", "again")]
        assert segments_after("count('buy') >= 2", *told) == [False, False, False, True]


def test_an_id_that_is_not_remembered_any_more_counts_again() -> None:
    with room_for(events=1):
        told = [event(1), event(2), event(3), event(4, event_id="e1")]
        assert segments_after("count('view') >= 4", *told) == [False, False, False, True]
