"""What of the changes stream is sent together, and how far that goes."""

from itertools import count

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.event_log.port import Record
from services.webhooks.parcel import Filter, pack

names = st.sampled_from("abc")
wrong: list[dict[str, object]] = [{"segment": []}, {"space": {}}, {"id": 1}, {"user_id": None}]
foreign = [orjson.dumps({"id": "1", "segment": "a", "space": "a", "user_id": "u"} | each) for each in wrong]
junk = st.sampled_from([b"", b"no JSON", b"[]", b"7", b'{"id": 1}', b"\xff", *foreign])
changes = st.builds(
    lambda number, segment, space: orjson.dumps(
        {"id": f"{number:032x}", "segment": segment, "space": space, "user_id": "u"}
    ),
    st.integers(0, 2**64),
    names,
    names,
)
wishes = st.one_of(st.none(), st.frozensets(names))


@given(
    values=st.lists(st.tuples(st.integers(0, 2), st.one_of(changes, junk)), min_size=1),
    wanted=st.builds(Filter, wishes, wishes),
)
def test_everything_wanted_is_sent_in_order_and_everything_is_passed(
    values: list[tuple[int, bytes]], wanted: Filter
) -> None:
    offsets = {partition: count(10 * partition) for partition in range(3)}
    records = [Record(each, next(offsets[each]), b"u", value, 1_000 - at) for at, (each, value) in enumerate(values)]
    parcel = pack("crm", wanted, records, {0: 0, 1: 10, 2: 20})
    chosen = [each for each in records if is_wanted(each.value, wanted)]
    assert parcel.changes == len(chosen)
    assert parcel.ends == {each.partition: each.offset + 1 for each in records}
    assert parcel.begins == {partition: 10 * partition for partition in parcel.ends}
    assert parcel.unreadable == sum(not is_change(each.value) for each in records)
    if chosen:
        assert orjson.loads(parcel.body)["changes"] == [orjson.loads(each.value) for each in chosen]
        assert parcel.oldest_ms == chosen[-1].appended_ms
    else:
        assert parcel.body == b""


def is_change(value: bytes) -> bool:
    return b'"segment"' in value and value not in foreign


def is_wanted(value: bytes, wanted: Filter) -> bool:
    if not is_change(value):
        return False
    change = orjson.loads(value)
    in_segments = wanted.segments is None or change["segment"] in wanted.segments
    return in_segments and (wanted.spaces is None or change["space"] in wanted.spaces)


def test_the_id_of_a_delivery_is_that_of_its_changes_and_its_webhook() -> None:
    def message_id(hook_id: str, *ids: str, first: int = 0) -> str:
        values = [orjson.dumps({"id": each, "segment": "s", "space": "d", "user_id": "u"}) for each in ids]
        records = [Record(0, first + at, b"u", value, at) for at, value in enumerate(values)]
        return pack(hook_id, Filter(), records, {0: first}).message_id

    assert message_id("crm", "a", "b") == message_id("crm", "a", "b", first=7)
    others = [message_id("crm", "a"), message_id("crm", "b", "a"), message_id("crm", "ab"), message_id("dsp", "a", "b")]
    assert len({message_id("crm", "a", "b"), *others}) == 5
