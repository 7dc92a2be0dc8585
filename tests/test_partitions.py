"""Every producer with Kafka's default partitioner must put a user where our collector puts them."""

import pytest
from aiokafka.partitioner import DefaultPartitioner, murmur2
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.partitions import partition_of


@given(key=st.binary(max_size=140), partitions=st.integers(1, 4096))
def test_a_key_goes_where_kafkas_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


@given(key=st.binary(min_size=1, max_size=140))
def test_a_key_goes_where_aiokafkas_producer_sends_it(key: bytes) -> None:
    everywhere = list(range(64))
    assert partition_of(key, 64) == DefaultPartitioner()(key, everywhere, everywhere)


@given(key=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_key_stands_for_its_utf8_bytes(key: str) -> None:
    assert partition_of(key, 64) == partition_of(key.encode(), 64)


@pytest.mark.parametrize(
    ("key", "hashed"),
    # The vectors of Kafka's own UtilsTest, as signed 32-bit numbers.
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_the_published_vectors_hold(key: str, hashed: int) -> None:
    assert partition_of(key, 0x80000000) == hashed & 0x7FFFFFFF
