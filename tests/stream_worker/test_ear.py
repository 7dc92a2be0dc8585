"""What the owner of a partition knows of the changes log, without a log."""

from itertools import count

import orjson

from services.runtime.event_log.port import Record
from services.runtime.event_log.tail import Stretch
from services.segmentation.changes import Mark, Told
from services.segmentation.wire.changes import decode_marks
from services.stream_worker.book import Book, Waiting
from services.stream_worker.ear import MOST_MARKS, Ear

OLD, ME = "old", "me"


def published(*spoken: tuple[str, int], begin: int = 0) -> Stretch:
    """Who has told each, and its number; the ids are all different."""
    records = [
        Record(1, offset, b"k", message(teller, number), 0) for offset, (teller, number) in enumerate(spoken, begin)
    ]
    return Stretch(records, begin + len(records))


def message(teller: str, number: int) -> bytes:
    change = {"id": f"{teller}-{number}", "user_id": "u-1", "space": "default", "segment": "s", "change": "entered"}
    return orjson.dumps(change | {"at": 1, "teller": teller, "number": number})


def test_all_that_was_there_is_listened_to_first() -> None:
    ear = Ear(ME, 0, {OLD: Mark(3, 0)})
    assert ear.listening
    assert ear.ends(3) == 0
    ear.take(published((OLD, 1), (OLD, 2)))
    assert ear.listening
    ear.ends(4)
    ear.take(published((OLD, 3), begin=2))
    assert (ear.listening, ear.is_ready) == (False, False)


def test_where_nothing_is_stored_of_the_changes_log_it_is_listened_to_from_its_end_on() -> None:
    ear = Ear(ME, None, {})
    assert ear.ends(7) == 7
    ear.take(Stretch((), 7))
    assert not ear.listening


def test_what_is_lost_is_adopted_once_all_that_left_the_outbox_was_seen() -> None:
    ear = Ear(ME, 0, {OLD: Mark(1, 1)})
    ear.ends(0)
    ear.take(Stretch((), 0))
    ear.accept(2, 0)  # two changes are told, and published behind what is lost
    ear.ends(1)
    ear.take(published((OLD, 2)))
    assert (ear.listening, ear.is_ready) == (True, False)
    ear.ends(3)
    ear.take(published((ME, 1), begin=1))
    assert not ear.is_ready
    ear.take(published((ME, 2), begin=2))
    assert ear.is_ready


def test_as_long_as_something_lost_is_not_adopted_it_is_not_taken_account_of() -> None:
    ear = Ear(ME, 0, {OLD: Mark(1, 0)})
    ear.ends(2)
    ear.take(published((OLD, 1)))
    assert decode_marks(ear.told(0)) == (1, {OLD: Mark(1, 1)}, False)
    ear.take(published((OLD, 2), begin=1))
    assert decode_marks(ear.told(5)) == (1, {OLD: Mark(1, 1), ME: Mark(5, 0)}, False)
    ear.adopting = [("default:u-1", Told(0))]
    assert decode_marks(ear.told(0)) == (2, {OLD: Mark(2, 2)}, True)
    ear.accept(0, 9)
    assert (ear.listening, ear.is_ready, ear.ahead_ms) == (True, False, 9)
    ear.ends(2)
    ear.take(Stretch((), 2))
    assert not ear.listening
    ear.settled()
    assert decode_marks(ear.told(0)) == (2, {OLD: Mark(2, 2)}, False)


def test_that_consumers_are_ahead_outlives_the_owner() -> None:
    assert decode_marks(Ear(ME, 2, {}, ahead=True, now_ms=5).told(0)) == (2, {}, True)
    assert Ear(ME, 2, {}, ahead=True, now_ms=5).ahead_ms == 5


def test_only_the_newest_tellers_are_remembered_and_who_tells_now_is_one() -> None:
    numbers = count(1)
    ear = Ear(ME, 0, {f"t-{number}": Mark(next(numbers), 0) for number in range(MOST_MARKS + 3)})
    _, marks, _ = decode_marks(ear.told(1))
    assert list(marks) == [*(f"t-{number}" for number in range(4, MOST_MARKS + 3)), ME]


def test_nothing_leaves_the_outbox_while_it_matters_what_is_in_it() -> None:
    ear = Ear(ME, 0, {})
    book, entry = Book(begins=False, begun=0, waiting=1, ear=ear), Waiting(b"1-0", [("u-1", b"{}")])
    book.publish([entry])
    assert book.next_write([]).published == [entry.id]
    ear.ends(1)
    ear.take(published((OLD, 1)))
    assert (book.next_write([]).published, book.removable) == ([], ())
    ear.adopting = []
    book.accept(book.next_write([]), [], 0)
    assert book.next_write([]).published == [entry.id]
