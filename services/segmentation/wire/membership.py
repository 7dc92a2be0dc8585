"""A membership as bytes: MessagePack, with moments relative to the latest event, so most take four bytes or fewer."""

import msgpack

from services.segmentation.membership import Membership, Span
from services.segmentation.wire.version import check_version, decoder

VERSION = 1


def encode_membership(membership: Membership) -> bytes:
    base_ms = membership.latest_ms
    flat: list[int | None] = []
    for ordinal, since_ms, until_ms in membership.spans:
        flat += ordinal, since_ms - base_ms, _relative(until_ms, base_ms)
    purposes = None if membership.purposes is None else sorted(membership.purposes)
    exact_until = _relative(membership.exact_until_ms, base_ms)
    packed: bytes = msgpack.packb([VERSION, membership.catalog_version, base_ms, exact_until, purposes, flat])
    return packed


@decoder
def decode_membership(data: bytes) -> Membership:
    """Read what `encode_membership` wrote. Raises UnknownCodec."""
    version, *rest = msgpack.unpackb(data)
    check_version("membership", version, VERSION)
    catalog_version, base_ms, exact_until, purposes, flat = rest
    parts = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return Membership(
        catalog_version,
        base_ms,
        tuple(Span(ordinal, base_ms + since, _absolute(until, base_ms)) for ordinal, since, until in parts),
        _absolute(exact_until, base_ms),
        None if purposes is None else frozenset(purposes),
    )


def _relative(at_ms: int | None, base_ms: int) -> int | None:
    return None if at_ms is None else at_ms - base_ms


def _absolute(offset_ms: int | None, base_ms: int) -> int | None:
    return None if offset_ms is None else base_ms + offset_ms
