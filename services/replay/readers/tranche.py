"""Events in Tranche's own form, one JSON object per line, checked as the collector checks them."""

from collections.abc import Iterator
from typing import Any, TextIO

import orjson

from services.replay.reader import BadRow, InvalidRow, Row
from services.segmentation.events import MAX_TS_MS, InvalidEvent, read_event


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
    # What the collector alone can tell is left to it: a time ahead, which a replay may shift first, and the consent.
    event = read_event(_without_consent(raw), arrived_ms=MAX_TS_MS)
    row: Row = raw if raw.get("ts") is None else {**raw, "ts": event.ts_ms}
    try:
        orjson.dumps(row)
    except (orjson.JSONEncodeError, RecursionError):
        raise InvalidRow("nested too deeply to be sent") from None
    return row


def _without_consent(raw: Any) -> Any:
    return {name: value for name, value in raw.items() if name != "consent"} if isinstance(raw, dict) else raw
