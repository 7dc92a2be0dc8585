"""Snapshots as bytes: JSON, which says the same to everybody, and in which a number comes back as it was.

The law: what is read is a snapshot that predicts without an error for any vector of its length, or it is refused. No
code comes out of it, only numbers, names and texts of known places.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import MODEL
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.snapshots import Classes, Clusters, Knots, Linear, Move, Snapshot, Trained, Trees

FORMAT = 1
"""Of what is written; the first that there is."""
MAX_BYTES = 32 * 2**20
MAX_NUMBER = 1e18
MAX_POWER = 8
MAX_HEIGHT = 15

_CLUSTER = re.compile(r"c([1-9][0-9]{0,17})")


class BadSnapshot(ValueError):
    """The bytes are no snapshot that this version of Tranche can read, or a damaged one."""


@dataclass(frozen=True)
class _Envelope:
    format: int
    snapshot: Snapshot


_ENVELOPE = TypeAdapter(_Envelope)
_MOVES = TypeAdapter(tuple[Move, ...])


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return orjson.dumps(_Envelope(FORMAT, snapshot), default=tuple)


def decode_snapshot(data: bytes) -> Snapshot:
    """Read what `encode_snapshot` wrote. Raises BadSnapshot, whose message holds nothing of the bytes."""
    if len(data) > MAX_BYTES:
        raise BadSnapshot(f"{len(data):,} bytes; {MAX_BYTES:,} at most")
    try:
        envelope = _ENVELOPE.validate_json(data, strict=True)
        written = orjson.loads(data)
    except ValidationError as error:
        raise BadSnapshot(f"not a snapshot: {error.error_count()} members are amiss") from None
    except orjson.JSONDecodeError:
        raise BadSnapshot("not JSON") from None
    if envelope.format != FORMAT:
        raise BadSnapshot(f"format {envelope.format}; this version reads {FORMAT}")
    if written != _again(envelope.snapshot):
        raise BadSnapshot("members that no snapshot has, or numbers that there are not")
    for complaint in _complaints(envelope.snapshot):
        raise BadSnapshot(complaint)
    return envelope.snapshot


def encode_trained(trained: Trained) -> bytes:
    """But for the moves, which are many, and which nobody needs who asks what the model says: `encode_moves`."""
    snapshot = _without_moves(trained.snapshot)
    return orjson.dumps({"definition": trained.definition.model_dump(), "snapshot": plain_snapshot(snapshot)})


def encode_moves(snapshot: Snapshot) -> bytes:
    body = snapshot.body
    return orjson.dumps(body.moves if isinstance(body, Clusters | Classes) else (), default=tuple)


def decode_moves(data: bytes) -> tuple[Move, ...]:
    """Read what `encode_moves` wrote. Raises BadSnapshot."""
    try:
        return _MOVES.validate_json(data, strict=True)
    except ValidationError:
        raise BadSnapshot("not moves between classes") from None


def decode_trained(data: bytes) -> Trained:
    """Read what `encode_trained` wrote. Raises BadSnapshot, whose message holds nothing of the bytes."""
    if len(data) > MAX_BYTES:
        raise BadSnapshot(f"{len(data):,} bytes; {MAX_BYTES:,} at most")
    try:
        plain = orjson.loads(data)
        definition = MODEL.validate_python(plain["definition"])
        names = recipe_of(definition, KEEP_ALL).names
    except (ValueError, LookupError, TypeError) as error:
        raise BadSnapshot(f"no definition: {type(error).__name__}") from None
    snapshot = snapshot_in(plain.get("snapshot"))
    if snapshot.definition != definition.digest or snapshot.features != names:
        raise BadSnapshot("a snapshot that was trained for another definition")
    return Trained(definition, snapshot)


def plain_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """As JSON holds it, to be part of something else."""
    plain: dict[str, Any] = orjson.loads(encode_snapshot(snapshot))
    return plain


def snapshot_in(plain: object) -> Snapshot:
    """What `plain_snapshot` made. Raises BadSnapshot."""
    return decode_snapshot(orjson.dumps(plain))


def _without_moves(snapshot: Snapshot) -> Snapshot:
    body = snapshot.body
    return replace(snapshot, body=replace(body, moves=())) if isinstance(body, Clusters | Classes) else snapshot


def _again(snapshot: Snapshot) -> object:
    """As it would be written; None where a number is longer than JSON's readers take."""
    try:
        return orjson.loads(encode_snapshot(snapshot))
    except orjson.JSONEncodeError:
        return None


def _complaints(snapshot: Snapshot) -> Iterator[str]:
    """What is wrong with one whose members are all there."""
    scale, length = snapshot.scale, len(snapshot.features)
    if snapshot.version < 1 or snapshot.samples < 0:
        yield "a version or a number of samples that there is not"
    if not length == len(set(snapshot.features)) == len(scale.means) == len(scale.deviations) > 0:
        yield "features and scale do not agree"
    if min(scale.deviations, default=0.0) <= 0:
        yield "a deviation that is not above 0"
    if any(abs(number) > MAX_NUMBER for number in _numbers(orjson.loads(encode_snapshot(snapshot)))):
        yield "a number that is too large"
    match snapshot.body:
        case Clusters() as clusters:
            yield from _of_clusters(clusters, length)
        case Linear(weights, _, curve):
            yield from _of_lengths("weights", [weights], length)
            yield from _of_curve(curve)
        case Trees() as trees:
            yield from _of_trees(trees, length)
        case Classes() as classes:
            yield from _of_classes(classes, length)


def _of_clusters(clusters: Clusters, length: int) -> Iterator[str]:
    yield from _of_lengths("centres", clusters.centres, length)
    yield from _of_lengths("ids", [clusters.ids], len(clusters.centres))
    if not 1 <= clusters.power <= MAX_POWER:
        yield "a distance that there is not"
    numbers = [_CLUSTER.fullmatch(cluster) for cluster in (*clusters.ids, *clusters.retired)]
    if not all(number is not None and int(number[1]) < clusters.next_id for number in numbers):
        yield "an id that no cluster has yet"


def _of_trees(trees: Trees, length: int) -> Iterator[str]:
    if not 1 <= trees.height <= MAX_HEIGHT or not trees.masses:
        yield "no trees, or too high ones"
        return
    if not len(trees.features) == len(trees.thresholds) == len(trees.masses):
        yield "trees that are not whole"
    inner = 2**trees.height - 1
    yield from _of_lengths("nodes", [*trees.features, *trees.thresholds], inner)
    yield from _of_lengths("masses", trees.masses, 2 * inner + 1)
    if not all(0 <= feature < length for tree in trees.features for feature in tree):
        yield "a tree that asks for a feature that there is not"
    yield from _of_curve(trees.curve)


def _of_classes(classes: Classes, length: int) -> Iterator[str]:
    if length != 3:
        yield "classes of other features than age, frequency and value"
    if not all(map(_rises, (classes.recency_ms, classes.frequency, classes.value))):
        yield "bounds that do not rise"


def _of_curve(curve: Knots) -> Iterator[str]:
    if not curve or not all(map(_rises, zip(*curve, strict=True))):
        yield "a curve that does not rise"


def _of_lengths(what: str, rows: Sequence[Sequence[object]], length: int) -> Iterator[str]:
    if any(len(row) != length for row in rows):
        yield f"more or fewer {what} than there have to be"


def _rises(numbers: Sequence[float]) -> bool:
    return all(one <= other for one, other in pairwise(numbers))


def _numbers(plain: object) -> Iterator[float]:
    """All within what JSON holds."""
    match plain:
        case dict():
            plain = [*plain.values()]
        case bool():
            return
        case int() | float():
            yield plain
    if isinstance(plain, list):
        for each in plain:
            yield from _numbers(each)
