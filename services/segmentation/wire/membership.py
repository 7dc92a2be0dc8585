"""A membership as bytes: MessagePack, with moments relative to the latest event, so most take four bytes or fewer.

Residuals and the time zone stand at the end, and only where there are any.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgpack

from services.segmentation.intervals import START
from services.segmentation.membership import Membership, Residuals, Span
from services.segmentation.rules.residual import Asked, Either, Every, Residual
from services.segmentation.wire.version import check_version, decoder

VERSION = 2
"""1 had no residuals, and no size of a segment counted it."""

_EVERY, _EITHER, _INTERVALS = range(3)


def encode_membership(membership: Membership) -> bytes:
    base_ms = membership.latest_ms
    flat: list[int | None] = []
    for ordinal, since_ms, until_ms in membership.spans:
        flat += ordinal, since_ms - base_ms, _relative(until_ms, base_ms)
    purposes = None if membership.purposes is None else sorted(membership.purposes)
    body: list[Any] = [
        VERSION,
        membership.catalog_version,
        base_ms,
        _relative(membership.exact_until_ms, base_ms),
        purposes,
        flat,
    ]
    if membership.residuals:
        residuals = [[ordinal, _residual_out(residual, base_ms)] for ordinal, residual in membership.residuals]
        body += [residuals, membership.time_zone]
    packed: bytes = msgpack.packb(body)
    return packed


@decoder
def decode_membership(data: bytes) -> Membership:
    """Read what `encode_membership` wrote. Raises UnknownCodec."""
    version, *rest = msgpack.unpackb(data)
    check_version("membership", version, 1, VERSION)
    catalog_version, base_ms, exact_until, purposes, flat, *later = rest
    residuals, time_zone = later or ((), None)
    parts = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return Membership(
        catalog_version,
        base_ms,
        tuple(Span(ordinal, base_ms + since, _absolute(until, base_ms)) for ordinal, since, until in parts),
        _absolute(exact_until, base_ms),
        None if purposes is None else frozenset(purposes),
        decode_residuals(residuals, base_ms),
        time_zone,
        counted=version == VERSION,
    )


def decode_residuals(packed: Iterable[Sequence[Any]], base_ms: int) -> Residuals:
    """Those of a membership whose latest event was at `base_ms`. Raises whatever damaged ones raise."""
    return tuple((ordinal, _residual_in(residual, base_ms)) for ordinal, residual in packed)


def boundaries(packed: Any) -> Iterator[int]:
    """The moments at which a packed residual may change, relative to the latest event."""
    if isinstance(packed, list):
        sort, *parts = packed
        if sort == _INTERVALS:
            yield from (offset_ms for offset_ms in parts if offset_ms is not None)
        else:
            yield from chain.from_iterable(map(boundaries, parts))


def _residual_out(residual: Residual, base_ms: int) -> Any:
    """A question as one number, everything else as a list that begins with what it is."""
    match residual:
        case Asked(question, expected):
            return question * 2 + expected
        case Every(parts):
            return [_EVERY, *(_residual_out(part, base_ms) for part in parts)]
        case Either(parts):
            return [_EITHER, *(_residual_out(part, base_ms) for part in parts)]
        case moments:
            return [_INTERVALS, *(None if at_ms == START else at_ms - base_ms for at_ms in moments)]


def _residual_in(packed: int | Sequence[Any], base_ms: int) -> Residual:
    if isinstance(packed, int):
        return Asked(packed // 2, bool(packed % 2))
    sort, *parts = packed
    if sort == _INTERVALS:
        return tuple(START if offset_ms is None else base_ms + offset_ms for offset_ms in parts)
    node = Every if sort == _EVERY else Either
    return node(tuple(_residual_in(part, base_ms) for part in parts))


def _relative(at_ms: int | None, base_ms: int) -> int | None:
    return None if at_ms is None else at_ms - base_ms


def _absolute(offset_ms: int | None, base_ms: int) -> int | None:
    return None if offset_ms is None else base_ms + offset_ms
