"""What an operator sees of dead letters. Keys and values may tell of users, so they are shown only when asked for."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from services.dead_letters.box import Letter
from services.runtime.text import printable

MAX_SHOWN = 300
"""Characters of a value; all of it is in the JSON."""


def table(letters: Sequence[Letter], *, values: bool) -> Table:
    shown = Table("put aside (UTC)", "partition", "offset", "bytes", "reason", box=None, header_style="bold")
    for column in shown.columns[:4]:
        column.no_wrap = True
    if values:
        shown.add_column("key")
        shown.add_column("value")
    for letter in letters:
        shown.add_row(*map(Text, _cells(letter)), *map(Text, _content(letter) if values else ()))
    return shown


def document(letter: Letter, *, values: bool) -> str:
    """One line of JSON. Key and value are any bytes, and therefore in Base64."""
    content = letter.content
    told: dict[str, Any] = {
        "put_aside": letter.put_aside_ms,
        "partition": content.partition,
        "offset": content.offset,
        "bytes": len(content.value),
        "reason": printable(content.reason),
    }
    if values:
        told |= {"key": b64encode(content.key).decode(), "value": b64encode(content.value).decode()}
    return orjson.dumps(told).decode()


def _cells(letter: Letter) -> list[str]:
    content, moment = letter.content, datetime.fromtimestamp(letter.put_aside_ms / 1000, UTC)
    numbers = [str(content.partition), str(content.offset), f"{len(content.value):,}"]
    return [f"{moment:%Y-%m-%d %H:%M:%S}", *numbers, _harmless(content.reason)]


def _content(letter: Letter) -> list[str]:
    return [_harmless(each.decode(errors="backslashreplace")) for each in (letter.content.key, letter.content.value)]


def _harmless(text: str) -> str:
    """Cut short, and without what would move a terminal's cursor or change its colours."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}…"
