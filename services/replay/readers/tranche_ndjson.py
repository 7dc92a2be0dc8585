"""Events in Tranche's own form, one JSON object a line. The collector's own check decides what is good."""

from collections.abc import Iterator
from typing import Any, TextIO

import orjson

from services.replay.reader import BadRow, InvalidRow, Row
from services.segmentation.events import MAX_TS_MS, InvalidEvent, encode_event, read_event


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every line is one event; one without `ts` keeps none, and gets its time on arrival."""
    for number, line in enumerate(stream, start=1):
        text = line.strip()
        if text:
            yield _read_line(number, text)


def _read_line(number: int, text: str) -> Row | BadRow:
    try:
        return _checked(_decoded(text))
    except (InvalidRow, InvalidEvent) as error:
        return BadRow(number, str(error))


def _decoded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRow(f"not JSON: {error.msg} at character {error.pos}") from None


def _checked(raw: Any) -> Row:
    # Whether a time lies ahead is for the collector to say: a replay may shift it first.
    event = read_event(raw, arrived_ms=MAX_TS_MS)
    encode_event(event)
    return raw if raw.get("ts") is None else {**raw, "ts": event.ts_ms}
