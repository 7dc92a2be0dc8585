"""Records of boundaries as bytes: those of this release, of the one before, and of both in one stretch."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.sizes import MAX_SPACES, ORDINALS
from services.segmentation.wheel import DAY_MS, MINUTE_MS
from services.segmentation.wire.sizes import FEW, EncodeRecords, decode_pieces, encode_piece, encode_records


def records(longest_ms: int, counters: int) -> st.SearchStrategy[int]:
    return st.builds(
        lambda offset_ms, counter, goes: offset_ms << 37 | counter << 1 | goes,
        st.integers(0, longest_ms - 1),
        st.integers(0, counters - 1),
        st.booleans(),
    )


MANY = st.one_of(
    st.lists(records(DAY_MS, MAX_SPACES * ORDINALS), max_size=40),
    st.lists(records(DAY_MS, 60), max_size=40),
    st.lists(records(MINUTE_MS, 3), max_size=40),
    st.lists(st.just(0), max_size=40),
)


@given(pieces=st.lists(st.tuples(st.sampled_from([encode_piece, encode_records]), MANY), max_size=4))
def test_records_come_back_in_order_whichever_release_wrote_them(
    pieces: Sequence[tuple[EncodeRecords, list[int]]],
) -> None:
    written = [encode(each) for encode, each in pieces]
    assert list(decode_pieces(written)) == [record for _, each in pieces for record in each]


def test_whole_records_are_known_by_their_length() -> None:
    for number in range(40):
        many = [record << 37 | 1 for record in range(0, 1_000_000 * number, 1_000_000)]
        piece = encode_piece(many)
        assert len(encode_records(many)) == 8 * number
        assert (len(piece) % 8 == 0) == (number < FEW)
        assert list(decode_pieces([piece])) == many


def test_the_release_before_reads_whole_records() -> None:
    assert encode_records([1, 86_399_999 << 37 | 5 << 1]) == bytes.fromhex("01000000000000000a000000e07fcba4")


@given(many=st.lists(records(DAY_MS, 128), min_size=FEW))
def test_of_a_day_and_up_to_128_segments_a_record_takes_five_bytes(many: list[int]) -> None:
    assert len(encode_piece(many)) <= 5 * len(many) + 2


@given(many=st.lists(records(MINUTE_MS, 128), min_size=FEW))
def test_of_a_minute_it_takes_four(many: list[int]) -> None:
    assert len(encode_piece(many)) <= 4 * len(many) + 2
