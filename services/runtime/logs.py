"""Logs as JSON: one event, one line on stderr, whatever the event contains.

What a call passes in `extra=` becomes fields of the line. An exception is logged as its types and places; its
message is left out, because it may quote the data of a visitor. Where a message is known to be safe, log it yourself.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from services.runtime.text import printable

# Some tools end a line at these too. JSON can hold them only inside strings, where the escape means the same.
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; `role` names the process."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "role": self._role,
            "logger": record.name,
            "message": _message(record),
        }
        extra = {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.exc_info and record.exc_info[1]:
            extra["exception"] = list(_places(record.exc_info[1]))
        return _line(extra | fields)


def configure_logging(role: str, level: str) -> None:
    """Send everything that this process logs at `level` or above to stderr as JSON; replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(role))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    # While brokers are gone it complains ten times a second; what that means for us is logged by us.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit the text
        return f"{record.msg} {record.args!r}"


def _places(error: BaseException | None) -> Iterator[str]:
    """The error and those behind it: the type of each, then where it passed, innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield type(error).__qualname__
        for frame in traceback.extract_tb(error.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} {frame.name}"
        for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            yield from _places(inner)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _line(fields: dict[str, object]) -> str:
    try:
        data = orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a lone surrogate, an integer past 64 bits, or nesting without end
        data = orjson.dumps({printable(name): printable(str(value)) for name, value in fields.items()})
    return data.decode().translate(_LINE_ENDS)
