"""What is told, in examples; and the ids of changes, which no release may alter."""

from datetime import UTC

import msgpack
import orjson
import pytest

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.changes import Ahead, Change, Heard, Mark, Place, Spoken, Teller, Terms, Told, Who
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire.changes import (
    decode_change,
    decode_marks,
    decode_spoken,
    decode_told,
    encode_change,
    encode_marks,
    encode_told,
    pack_changes,
    unpack_changes,
)
from services.segmentation.wire.version import UnknownCodec

T = 1_732_190_400_000
MINUTE_MS = 60_000
WHO = Who(7, "shop", "u-1")


class Story:
    """Minutes after T; each record is appended when it happens, or `appended` minutes after T."""

    def __init__(self, **rules: str) -> None:
        self.catalog, self.offset, self.consent_required = Catalog(), 0, False
        self.state, self.told = UserState(), None
        self.changes: list[Change] = []
        self.edit(**rules)

    state: UserState
    told: Told | None

    def edit(self, **rules: str) -> None:
        definitions = {name: SegmentDefinition(name=name, rule=rule) for name, rule in rules.items()}
        self.catalog = self.catalog.put_all(definitions, KEEP_ALL)

    def event(self, name: str, minute: int, appended: int | None = None, event_id: str = "") -> None:
        event = Event(event_id or f"e-{self.offset}", "u-1", name, T + minute * MINUTE_MS, "shop")
        teller, place = self._teller(), Place(self.offset, T + (appended or minute) * MINUTE_MS)
        after = step(teller.state, [event], self.catalog, KEEP_ALL, UTC)
        if after is not teller.state:
            teller.record(after, event.ts_ms, place)
        self.offset += 1
        self._keep(teller)

    def time(self, minute: int) -> None:
        teller = self._teller()
        teller.time(T + minute * MINUTE_MS)
        self._keep(teller)

    def catch_up(self, minute: int) -> None:
        teller = self._teller()
        teller.catch_up(T + minute * MINUTE_MS)
        self._keep(teller)

    def settle(self, minute: int) -> None:
        teller = self._teller()
        teller.settle(T + minute * MINUTE_MS)
        self._keep(teller)

    @property
    def lines(self) -> list[str]:
        return [f"{(each.at_ms - T) // MINUTE_MS} {each.change} {each.segment} {each.cause}" for each in self.changes]

    def _teller(self) -> Teller:
        return Teller(Terms(self.catalog, self.consent_required), WHO, UTC, 5, self.state, self.told)

    def _keep(self, teller: Teller) -> None:
        self.state, self.told = teller.state, teller.told
        self.changes += teller.changes


def test_who_abandons_a_cart_enters_at_once_and_leaves_by_himself_after_an_hour() -> None:
    story = Story(cart="count('cart', within='1h') >= 1 and count('buy', within='1h') == 0")
    story.event("cart", 0)
    story.event("view", 90)
    assert story.lines == ["0 entered cart event", "60 left cart time"]
    assert story.changes[0].until_ms == T + 60 * MINUTE_MS


def test_a_late_event_corrects_what_time_did_not_do() -> None:
    story = Story(active="count('view', within='1h') >= 1 or count('buy') >= 1")
    story.event("view", 10)
    story.time(70)
    story.event("buy", 5, appended=80)
    assert story.lines == ["10 entered active event", "70 left active time", "80 entered active late_event"]
    assert story.changes[2].corrects == story.changes[1].id


def test_a_late_event_corrects_nothing_that_did_happen() -> None:
    story = Story(active="count('view', within='1h') >= 1 or count('buy') >= 1 and since('buy') > '2h'")
    story.event("view", 10)
    story.time(70)
    story.event("buy", 5, appended=140)  # so he was outside at 70, and has been inside again since 125
    assert story.lines == ["10 entered active event", "70 left active time", "140 entered active late_event"]
    assert story.changes[2].corrects is None


def test_a_repeat_tells_nothing_and_lets_no_time_pass() -> None:
    story = Story(active="count('view', within='1h') >= 1")
    story.event("view", 10, event_id="e")
    story.event("view", 200, event_id="e")
    assert story.lines == ["10 entered active event"]


def test_a_clock_that_goes_back_takes_back_nothing() -> None:
    story = Story(active="count('view', within='1h') >= 1", bought="count('buy') >= 1")
    story.event("view", 0)
    story.time(60)
    story.event("buy", 0, appended=30)
    assert story.lines == ["0 entered active event", "60 left active time", "60 entered bought event"]


def test_an_edit_is_told_once_whoever_comes_first() -> None:
    passed, applied = Story(one="count('view') == 1"), Story(one="count('view') == 1")
    for story in (passed, applied):
        story.event("view", 0)
        story.edit(one="count('view') == 2")
    passed.catch_up(5)
    for story in (passed, applied):
        story.event("view", 9)
    assert [change.id for change in passed.changes] == [change.id for change in applied.changes]
    assert applied.lines == ["0 entered one event", "9 left one edit", "9 entered one event"]


def test_who_was_told_to_be_in_a_segment_that_is_lost_leaves_it_though_another_has_its_ordinal() -> None:
    story = Story(one="count('view') == 9")
    before = story.catalog
    story.edit(spam="count('view') >= 1")
    ordinal = story.catalog.segments["spam"].ordinal
    story.edit(other="count('buy') >= 1")
    story.event("view", 0)
    story.catalog = before  # Redis has lost both edits, and another comes
    story.edit(vip="count('view') >= 1")
    assert story.catalog.segments["vip"].ordinal == ordinal
    story.catch_up(5)
    assert story.lines == ["0 entered spam event", "5 left spam edit", "5 entered vip edit"]


def test_who_gave_no_consent_leaves_when_it_is_required_and_enters_when_it_no_longer_is() -> None:
    story = Story(active="count('view', within='1h') >= 1")
    story.event("view", 0)
    for minute in (10, 20, 30):
        story.consent_required = not story.consent_required
        story.catch_up(minute)
        story.catch_up(minute + 1)
    told = [line.split(" active ") for line in story.lines]
    assert told == [["0 entered", "event"], ["10 left", "edit"], ["20 entered", "edit"], ["30 left", "edit"]]
    assert len({change.id for change in story.changes}) == 4
    story.consent_required = False
    story.event("buy", 90)  # what time did meanwhile is part of the edit
    assert len(story.lines) == 4


def test_what_was_told_reads_back() -> None:
    told = Told(T, frozenset({"a", "b"}), {"a": T - 5}, T + 9, 3)
    assert decode_told(encode_told(told)) == told
    heard = Heard("i", "a", inside=True, at_ms=T), Heard("j", "a", inside=False, at_ms=T)
    for ahead in None, Ahead(5, heard), Ahead(0):
        lost = told._replace(ahead=ahead, salt=6)
        assert decode_told(encode_told(lost)) == lost


def test_an_earlier_tranche_reads_what_was_told_of_all_but_those_of_whom_something_was_lost() -> None:
    told = Told(T), Told(T, salt=1), Told(T, ahead=Ahead(0))
    assert [msgpack.unpackb(encode_told(each))[0] for each in told] == [2, 3, 3]


def test_what_a_later_version_left_in_the_outbox_is_not_guessed_at() -> None:
    for body in ([2, ["u-1", b"{}"]], [["u-1", b"{}"]], []):
        with pytest.raises(UnknownCodec):
            unpack_changes(msgpack.packb(body))


def test_the_ids_of_changes_never_alter() -> None:
    story = Story(one="count('view', within='1h') == 1", two="count('buy') >= 1")
    story.event("view", 0)
    story.time(60)
    story.edit(one="count('view') == 1")
    story.catch_up(61)
    beginning = Story(one="count('view') == 1")
    beginning.event("view", 0)
    beginning.told, beginning.changes = None, []
    beginning.catch_up(1)
    assert {change.cause: change.id for change in [*story.changes, *beginning.changes]} == {
        "event": "bc82e1a920266f8da351fa1a8b102558",
        "time": "ca082b9846439e1eb408c0013e618ef8",
        "edit": "c1671655b16f1e1982e393ed71dec648",
        "start": "33f50e7f05db3f8dd6c031798e0419e2",
    }


def test_a_change_is_json_that_reads_back() -> None:
    story = Story(active="count('view', within='1h') >= 1")
    story.event("view", 0)
    [change] = story.changes
    assert (
        encode_change(change)
        == (
            b'{"id":"%s","user_id":"u-1","space":"shop","segment":"active","change":"entered","at":1732190400000,'
            b'"cause":"event","corrects":null,"until":1732194000000,"partition":7,"offset":0,"catalog":1}'
        )
        % change.id.encode()
    )
    assert decode_change(encode_change(change)) == change
    [(user_id, value)] = unpack_changes(pack_changes([change], "abc", 7))
    assert (user_id, decode_change(value)) == ("u-1", change)
    assert orjson.loads(value) == orjson.loads(encode_change(change)) | {"teller": "abc", "number": 7}
    heard = Heard(change.id, "active", inside=True, at_ms=1732190400000)
    assert decode_spoken(value) == Spoken("abc", 7, "shop:u-1", heard)
    assert decode_spoken(encode_change(change)) is None
    for wrong in (b"", b"[]", b"1", value.replace(b'"number":7', b'"number":null'), value.replace(b'"abc"', b"{")):
        assert decode_spoken(wrong) is None


def test_how_far_the_changes_log_is_taken_account_of_reads_back() -> None:
    marks = {"abc": Mark(4, 3), "def": Mark(1, 1)}
    assert decode_marks(encode_marks(9, marks, ahead=True)) == (9, marks, True)
    assert decode_marks(encode_marks(None, {}, ahead=False)) == (None, {}, False)
    for other in (b"[2,9,{},true]", b"[]", b"[1,9]", b"9", b""):
        with pytest.raises(UnknownCodec):
            decode_marks(other)
