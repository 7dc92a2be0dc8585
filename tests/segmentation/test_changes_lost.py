"""Changes that were told in a time that Redis has lost: what consumers hear of them, and what is told after that."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.changes import Ahead, Heard, Hearing, Mark, Spoken, Told
from services.segmentation.changes.told import MOST_AHEAD
from tests.segmentation.test_changes_examples import Story

WHO = "shop:u-1"
OLD, NOW = "old", "now"
"""Whose changes are lost, and who tells since."""


def heard(text: str) -> Heard:
    """`+a` of somebody who enters a, `-a` of who leaves it; what follows a blank makes the id another one."""
    return Heard(text, text[1], inside=text[0] == "+", at_ms=len(text))


def hearing(log: Sequence[tuple[str, int, str]], waiting: Sequence[tuple[str, int, str]] = ()) -> Hearing:
    """What is stored takes account of one change of the old teller and of ten of the new one."""
    found = Hearing({OLD: Mark(1, 0), NOW: Mark(10, 0)})
    for offset, (teller, number, text) in enumerate(log):
        found.hear(Spoken(teller, number, WHO, heard(text)), offset)
    for teller, number, text in waiting:
        found.wait(Spoken(teller, number, WHO, heard(text)))
    return found


def test_what_is_stored_already_is_not_lost() -> None:
    found = hearing([(OLD, 1, "+a"), (NOW, 1, "-a"), (OLD, 1, "+a")])
    assert not found.any_lost
    assert found.heard[WHO].added_to(Told(0)) is None


def test_what_is_lost_is_known_to_consumers_and_comes_next() -> None:
    found = hearing([(OLD, 1, "+a"), (OLD, 2, "-a"), (OLD, 3, "+b"), (OLD, 2, "-a")])
    told = Told(0, frozenset("a"))
    assert found.heard[WHO].added_to(told) == told._replace(ahead=Ahead(2, (heard("-a"), heard("+b"))))


def test_what_was_told_again_meanwhile_is_not_told_a_third_time() -> None:
    log = [(OLD, 2, "+a"), (OLD, 3, "-a"), (OLD, 4, "+b")]
    for seen, waiting in ((2, 0), (1, 1), (0, 2)):
        again = [(NOW, 1, "+a"), (NOW, 2, "-a")]
        found = hearing(log + again[:seen], again[seen : seen + waiting])
        assert found.heard[WHO].added_to(Told(0)) == Told(0, ahead=Ahead(2, (heard("+b"),)))
    assert hearing(log, [(NOW, 1, "+a"), (NOW, 2, "-a"), (NOW, 3, "+b")]).heard[WHO].added_to(Told(0)) is None


def test_consumers_are_believed_where_something_else_was_told_meanwhile() -> None:
    """Each of them counts the last that it hears of a segment, and no id twice."""
    log = [(OLD, 2, "+a"), (OLD, 3, "-b")]
    told = Told(0, frozenset("b"))
    assert hearing(log, [(NOW, 1, "-b x")]).heard[WHO].added_to(told) == Told(4, frozenset("a"), ahead=Ahead(1))
    assert hearing(log, [(NOW, 1, "+b x")]).heard[WHO].added_to(told) == Told(4, frozenset("ab"), ahead=Ahead(1))
    assert hearing(log, [(NOW, 1, "-b"), (NOW, 2, "+a")]).heard[WHO].added_to(told) == Told(
        2, frozenset("a"), ahead=Ahead(1)
    )


def test_what_waits_of_a_lost_time_is_lost_only_once_it_is_published() -> None:
    log = [(OLD, 2, "+a")]
    assert hearing(log, [(OLD, 3, "-a")]).heard[WHO].added_to(Told(0)) == Told(0, ahead=Ahead(0, (heard("+a"),)))


def test_an_id_that_was_heard_before_says_nothing_new() -> None:
    found = hearing([(NOW, 1, "+a"), (NOW, 2, "-a")])
    found.forget()
    found.hear(Spoken(OLD, 2, WHO, heard("+a")), 7)
    assert not found.any_lost
    found.hear(Spoken(OLD, 3, WHO, heard("+b")), 8)
    assert found.any_lost


def test_what_is_not_seen_yet_is_known() -> None:
    assert not hearing([(OLD, 1, "+a"), *((NOW, each, f"+a {each}") for each in range(1, 11))]).any_unseen
    assert hearing([(NOW, 9, "+a")]).any_unseen


changes = st.lists(st.sampled_from(["+a", "-a", "+b", "-b"]), max_size=6)


@given(changes, changes, st.lists(st.booleans(), max_size=12))
def test_what_consumers_believe_is_what_is_believed_of_them(
    lost: list[str], again: list[str], merging: list[bool]
) -> None:
    """By brute force: whatever was told meanwhile, wherever it stands; what is the same has the same id."""
    first = [(OLD, number, f"{text} {number}") for number, text in enumerate(lost, 2)]
    since = [(NOW, number, f"{text} {number + 1}") for number, text in enumerate(again, 1)]
    left, log = (list(first), list(since)), []
    for turn in merging:
        log += [left[turn].pop(0)] if left[turn] else []
    log += left[0]
    found = hearing(log, left[1]).heard.get(WHO)
    told = Told(0, believed(text for _, _, text in since))
    after = (found.added_to(told) if found else None) or told
    assert (after.settled() if after.ahead else after).inside == believed(text for _, _, text in [*log, *left[1]])


def believed(texts: Iterable[str]) -> frozenset[str]:
    inside: set[str] = set()
    for text in dict.fromkeys(texts):
        (inside.add if text[0] == "+" else inside.discard)(text[1])
    return frozenset(inside)


def test_who_is_heard_of_very_often_is_believed_at_once() -> None:
    many = [heard(f"{'+-'[number % 2]}a {number}") for number in range(MOST_AHEAD + 1)]
    told = Told(0).heard(many[:-1], 8)
    assert told.ahead == Ahead(8, tuple(many[:-1]))
    assert told.heard(many[-1:], 9).ahead == Ahead(9)
    assert told.heard(many[-1:], 9).inside == {"a"}


RULE = "count('view', within='1h') in [1, 3]"


def told_and_lost(**rules: str) -> tuple[Story, set[str]]:
    """A story that begins again, consumers having heard of two views and what time did after that; and their ids."""
    first, again = Story(one=RULE), Story(**rules)
    live(first, 2)
    first.time(61)
    assert first.lines == ["0 entered one event", "1 left one event", "60 entered one time", "61 left one time"]
    known = [Heard(each.id, each.segment, each.change == "entered", each.at_ms) for each in first.changes]
    again.told = Told(0).heard(known, 40)
    return again, {each.id for each in first.changes}


def live(story: Story, views: int) -> None:
    for minute in range(views):
        story.event("view", minute)


def test_what_is_found_again_is_not_told_and_what_comes_after_it_is() -> None:
    story, _ = told_and_lost(one=RULE)
    live(story, 2)
    story.time(61)
    assert (story.lines, story.told and story.told.ahead) == ([], None)
    story.event("view", 70)
    assert story.lines == ["70 entered one event"]
    assert story.changes[0].id == undisturbed().changes[-1].id


def undisturbed() -> Story:
    story = Story(one=RULE)
    live(story, 2)
    story.event("view", 70)
    return story


def test_after_an_edit_nothing_is_told_until_all_is_applied_again_and_then_where_consumers_are_wrong() -> None:
    story, known = told_and_lost(one="count('view') >= 2", two="count('view') >= 1")
    live(story, 2)
    story.time(61)
    assert (story.lines, story.told and story.told.is_silent) == ([], True)
    story.settle(62)
    assert story.lines == ["62 entered one correction", "62 entered two correction"]
    story.edit(one="count('view') >= 9", two="count('view') >= 1")
    story.catch_up(63)
    assert story.lines[2:] == ["63 left one edit"]
    assert len(known | {each.id for each in story.changes}) == 4 + 3


def test_no_id_is_given_again_to_another_change_though_an_edit_was_lost() -> None:
    first, again = Story(one="count('view') >= 1"), Story(one="count('view') >= 1")
    first.event("view", 0)
    first.edit(one="count('view') >= 2")
    first.catch_up(1)
    known = [Heard(each.id, each.segment, each.change == "entered", each.at_ms) for each in first.changes]
    again.told = Told(0).heard(known, 40)
    again.event("view", 0)
    again.settle(2)
    again.edit(one="count('view') >= 2")
    again.catch_up(3)
    assert again.lines == ["2 entered one correction", "3 left one edit"]
    assert {each.id for each in again.changes}.isdisjoint(each.id for each in first.changes)


def test_what_was_told_of_somebody_who_was_never_there_is_taken_back() -> None:
    story, _ = told_and_lost(one=RULE)
    story.told = Told(0).heard([heard("+o")], 4)
    story.settle(62)
    assert [(each.segment, each.change, each.cause) for each in story.changes] == [("o", "left", "correction")]
