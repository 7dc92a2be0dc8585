"""Snapshots as bytes: every number comes back, and nothing is read that could not predict."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.definition import MODEL
from services.segmentation.models.prediction import predict
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import (
    Body,
    Classes,
    ClusterFacts,
    Clusters,
    Happening,
    Knots,
    Linear,
    Move,
    Snapshot,
    Trained,
    Trait,
    Trees,
)
from services.segmentation.models.wire import (
    MAX_BYTES,
    BadSnapshot,
    decode_moves,
    decode_snapshot,
    decode_trained,
    encode_moves,
    encode_snapshot,
    encode_trained,
    plain_snapshot,
    snapshot_in,
)

CURVE: Knots = ((-1.5, 0.1), (0.1 + 0.2, 1 / 3), (7.0, 1.0))
FACTS = ClusterFacts(
    id="c2",
    name="Evening readers",
    size=12,
    share=0.4,
    drift=0.01,
    silhouette=None,
    traits=(Trait("a", 1.5, 2.0, -0.8),),
    exemplars=((1.0, None, 3.0),),
    since_version=1,
)
CLUSTERS = Clusters(
    centres=((0.1, 0.2, 0.3), (1.0, -1.0, 5.0)),
    ids=("c2", "c11"),
    power=1.5,
    facts=(FACTS, FACTS._replace(id="c11", silhouette=-0.25)),
    happenings=(Happening(2, 99, "split", "c11", ("c2",)), Happening(2, 99, "faded", "c3")),
    moves=(Move(19_700, "c2", "c11", 3),),
    retired=("c3",),
    next_id=12,
)
LINEAR = Linear((0.1, 1e-300, -3.0), -0.5, CURVE)
TREES = Trees(
    height=2,
    size_limit=2.5,
    features=((0, 1, 2), (2, 2, 0)),
    thresholds=((0.5, 0.25, -0.125), (1.0, 2.0, 3.0)),
    masses=((7.0, 3.0, 4.0, 1.0, 2.0, 0.0, 4.0), (7.0,) * 7),
    curve=CURVE,
)
CLASSES = Classes((1, 2, 3, 4), (1.0, 1.0, 2.0, 3.5), (0.0, 1.0, 2.0, 3.0), (Move(1, "111", "555", 2),))
BODIES: dict[str, Body] = {"clusters": CLUSTERS, "linear": LINEAR, "trees": TREES, "classes": CLASSES}


def made(body: Body) -> Snapshot:
    scale = Scale((0.1, 2.0, 3.0), (1.0, 0.05, 2 / 3))
    return Snapshot("m", 3, "ab" * 32, ("a", "b", "c"), scale, body, 5_000, 1_732_240_000_123)


ALL = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


@ALL
def test_what_is_written_comes_back_number_for_number(body: Body) -> None:
    snapshot = made(body)
    read = decode_snapshot(encode_snapshot(snapshot))
    assert read == snapshot
    assert repr(read) == repr(snapshot)
    assert snapshot_in(plain_snapshot(snapshot)) == snapshot


@given(st.lists(st.floats(-1e18, 1e18), min_size=3, max_size=3), st.floats(-1e18, 1e18))
def test_no_number_is_rounded(weights: list[float], intercept: float) -> None:
    snapshot = made(Linear((weights[0], weights[1], weights[2]), intercept, CURVE))
    assert repr(decode_snapshot(encode_snapshot(snapshot))) == repr(snapshot)


def changed(body: Body, *path: str | int, to: object) -> bytes:
    document: Any = orjson.loads(encode_snapshot(made(body)))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return json.dumps(document).encode()


@ALL
def test_what_a_snapshot_does_not_have_is_refused(body: Body) -> None:
    for path in (("new",), ("snapshot", "new"), ("snapshot", "body", "new"), ("snapshot", "scale", "new")):
        with pytest.raises(BadSnapshot):
            decode_snapshot(changed(body, *path, to=1))


@ALL
def test_another_format_is_refused(body: Body) -> None:
    for other in (0, 2, True, "1", None):
        with pytest.raises(BadSnapshot):
            decode_snapshot(changed(body, "format", to=other))


@pytest.mark.parametrize(
    ("body", "path", "to"),
    [
        (CLUSTERS, ("version",), 0),
        (CLUSTERS, ("version",), 1.0),
        (CLUSTERS, ("samples",), -1),
        (CLUSTERS, ("at_ms",), "now"),
        (CLUSTERS, ("at_ms",), 10**19),
        (CLUSTERS, ("at_ms",), 10**30),
        (CLUSTERS, ("features",), ["a", "b"]),
        (CLUSTERS, ("features",), ["a", "b", "b"]),
        (CLUSTERS, ("scale", "means"), [0.0, 1.0]),
        (CLUSTERS, ("scale", "means", 0), None),
        (CLUSTERS, ("scale", "means", 0), 1e300),
        (CLUSTERS, ("scale", "deviations", 0), 0.0),
        (CLUSTERS, ("scale", "deviations", 0), -1.0),
        (CLUSTERS, ("body",), None),
        (CLUSTERS, ("body",), {}),
        (CLUSTERS, ("body", "centres", 0), [0.1, 0.2]),
        (CLUSTERS, ("body", "centres", 0, 0), "0.1"),
        (CLUSTERS, ("body", "centres", 0, 0), True),
        (CLUSTERS, ("body", "ids"), ["c2"]),
        (CLUSTERS, ("body", "ids", 0), "c12"),
        (CLUSTERS, ("body", "ids", 0), "c0"),
        (CLUSTERS, ("body", "ids", 0), "x"),
        (CLUSTERS, ("body", "retired", 0), "c12"),
        (CLUSTERS, ("body", "power"), 0.5),
        (CLUSTERS, ("body", "power"), 1e9),
        (CLUSTERS, ("body", "facts", 0), []),
        (CLUSTERS, ("body", "happenings", 0, 2), "exploded"),
        (LINEAR, ("body", "weights"), [1.0, 2.0]),
        (LINEAR, ("body", "weights", 0), 1e19),
        (LINEAR, ("body", "curve"), []),
        (LINEAR, ("body", "curve"), [[1.0, 0.5], [0.0, 0.6]]),
        (LINEAR, ("body", "curve"), [[1.0, 0.5], [2.0, 0.4]]),
        (TREES, ("body", "height"), 3),
        (TREES, ("body", "height"), 0),
        (TREES, ("body", "height"), 10**9),
        (TREES, ("body", "masses"), []),
        (TREES, ("body", "features", 0, 0), 3),
        (TREES, ("body", "features", 0, 0), -1),
        (TREES, ("body", "thresholds", 0), [1.0]),
        (TREES, ("body", "masses", 1), [1.0]),
        (TREES, ("body", "features"), [[0, 1, 2]]),
        (CLASSES, ("body", "recency_ms"), [1, 2, 3]),
        (CLASSES, ("body", "recency_ms", 0), 1.5),
        (CLASSES, ("body", "recency_ms", 0), 9),
        (CLASSES, ("body", "value", 3), -1.0),
    ],
)
def test_what_could_not_predict_is_refused(body: Body, path: tuple[str | int, ...], to: object) -> None:
    decode_snapshot(encode_snapshot(made(body)))
    with pytest.raises(BadSnapshot):
        decode_snapshot(changed(body, "snapshot", *path, to=to))


def test_classes_are_of_three_features() -> None:
    two = replace(made(CLASSES), features=("a", "b"), scale=Scale((0.0, 0.0), (1.0, 1.0)))
    with pytest.raises(BadSnapshot, match="age"):
        decode_snapshot(encode_snapshot(two))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: b"[" * 100_000 + data,
        lambda data: data.replace(b"0.1", b"NaN", 1),
        lambda data: data.replace(b"0.1", b"Infinity", 1),
        lambda data: data.replace(b"0.1", b"1e999", 1),
        lambda data: data.replace(b'"m"', b'"\xff"'),
        lambda data: data + b" " * MAX_BYTES,
    ],
)
def test_bytes_that_are_no_snapshot_are_refused(break_it: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadSnapshot):
        decode_snapshot(break_it(encode_snapshot(made(CLUSTERS))))


def test_a_complaint_holds_nothing_of_the_bytes() -> None:
    with pytest.raises(BadSnapshot) as told:
        decode_snapshot(changed(CLUSTERS, "snapshot", "version", to="secret"))
    assert "secret" not in str(told.value)


@given(st.data())
def test_whatever_is_read_predicts(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from([*BODIES.values()]))
    document = orjson.loads(encode_snapshot(made(body)))
    at, step = document["snapshot"], "body"
    while isinstance(at[step], dict | list) and at[step]:
        at = at[step]
        step = data.draw(st.sampled_from([*at] if isinstance(at, dict) else [*range(len(at))]))
    at[step] = data.draw(st.integers(-(10**19), 10**19) | st.floats(allow_nan=False, allow_infinity=False) | st.none())
    try:
        read = decode_snapshot(json.dumps(document).encode())
    except ValueError:
        return
    predict(read, (1.0, 2.0, 3.0))


@ALL
def test_moves_travel_by_themselves(body: Body) -> None:
    features = {name: f"count('{name}')" for name in ("a", "b", "c")}
    definition = MODEL.validate_python({"name": "m", "kind": "anomaly", "features": features})
    snapshot = replace(made(body), definition=definition.digest)
    moves = getattr(body, "moves", ())
    bare = replace(snapshot, body=replace(body, moves=())) if isinstance(body, Clusters | Classes) else snapshot
    assert decode_trained(encode_trained(Trained(definition, snapshot))) == Trained(definition, bare)
    assert decode_moves(encode_moves(snapshot)) == moves


@pytest.mark.parametrize("data", [b"", b"{}", b"[[1]]", b'[["1","c1","c2",3]]'])
def test_what_are_no_moves_is_refused(data: bytes) -> None:
    with pytest.raises(BadSnapshot):
        decode_moves(data)
