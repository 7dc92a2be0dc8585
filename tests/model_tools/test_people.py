"""Profiles of users are what they would be if all were at hand at once."""

from hypothesis import given
from hypothesis import strategies as st

from services.model_tools.people import People
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.samples import pseudonym
from services.segmentation.profile import Profile, add

EVENTS = st.builds(
    Event,
    event_id=st.sampled_from([f"e{number}" for number in range(12)]),
    user_id=st.sampled_from(["anna", "ben", "carl"]),
    type=st.sampled_from(["view", "purchase"]),
    ts_ms=st.integers(0, 50),
    space=st.sampled_from(["default", "other"]),
    properties=st.just({"category": "shoes"}),
)


@given(events=st.lists(EVENTS, max_size=40), awake=st.integers(1, 3))
def test_a_user_who_was_packed_goes_on_as_if_never_packed(events: list[Event], awake: int) -> None:
    people, plain = People(KEEP_ALL, awake), dict[tuple[str, str], Profile]()
    for event in events:
        name = event.space, event.user_id
        before = plain.get(name)
        after = plain[name] = add(before, event, KEEP_ALL)
        step = people.add(event)
        assert len(people) == len(plain)
        if after is before:
            assert step is None
            continue
        assert step is not None
        assert step.before == before
        assert step.person == (pseudonym(*name), event.space, after)
