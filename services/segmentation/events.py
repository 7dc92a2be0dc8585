"""What an event is. Everything that decides whether an event is valid lives here.

`EventMessage` is the wire form that websites send and the log carries; `Event` is the frozen form that the
core works on, with its time in integer milliseconds. Collector and worker call the same `read_event`, so what
the collector accepts the worker can read.

The contract is `EventMessage`. Most events are so plain that a glance shows them to keep it, in a fifth of the time;
a glance refuses nothing, but leaves to the model whatever it is not sure of.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

MAX_AHEAD_MS = 5 * 60 * 1000
MAX_SKEW_MS = 60 * 1000  # how far the log's clock may be behind the clock of the collector that accepted an event
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TS_MS = 253_402_300_799_999  # the last millisecond of the year 9999
SPACE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
SEGMENT_ID_PATTERN = LIST_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
USER_ID_PATTERN = r"^[A-Za-z0-9._~:|=+-]{1,128}$"
MAX_ID, MAX_PURPOSE = 128, 63

JsonObject = dict[str, Any]


class InvalidEvent(ValueError):
    """The event breaks the contract; the message says how, and never repeats a user's id."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a user did, at `ts_ms` (milliseconds since 1970, UTC)."""

    event_id: str
    user_id: str
    type: str
    ts_ms: int
    space: str = "default"
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    purposes: frozenset[int] | None = None
    """The consent purposes granted with this event; None when it carries no consent record."""


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A user is put on a list, or taken off it, at `ts_ms`. Written by the API, never by a website."""

    event_id: str
    user_id: str
    list_id: str
    ts_ms: int
    space: str = "default"
    listed: bool = True
    until_ms: int | None = None
    """The moment from which the entry no longer counts; None for one that stays."""


Fact = Event | ListEntry
"""What the log tells of a user."""


def date_time_ms(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 date-time, rounded down. Raises ValueError, saying what is wrong."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expected milliseconds since 1970 or an RFC 3339 date-time") from None
    if moment.tzinfo is None:
        raise ValueError("the date-time has no time zone: end it with Z or an offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _milliseconds(value: object) -> object:
    """Date-times become milliseconds; everything else is left to the integer check."""
    return date_time_ms(value) if isinstance(value, str) else value


Timestamp = Annotated[
    int,
    BeforeValidator(_milliseconds),
    Field(ge=0, le=MAX_TS_MS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MAX_TS_MS},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]


Purpose = Annotated[int, Field(ge=1, le=MAX_PURPOSE)]


class Consent(BaseModel):
    """The purposes that the visitor granted, numbered as in IAB TCF 2.2."""

    model_config = ConfigDict(extra="forbid", strict=True)

    purposes: list[Purpose] = Field(max_length=MAX_PURPOSE)


class EventMessage(BaseModel):
    """An event as a website sends it and as the topic carries it."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Event")

    event_id: str = Field(min_length=1, max_length=MAX_ID, description="counts once for its user, whatever is resent")
    user_id: str = Field(pattern=USER_ID_PATTERN, description="a pseudonymous id; never an e-mail address")
    space: str = Field("default", pattern=SPACE_PATTERN, description="keeps the users of unrelated sites apart")
    type: str = Field(pattern=TYPE_PATTERN)
    ts: Timestamp | None = Field(None, description="when it happened; the time of arrival if it is left out")
    properties: JsonObject = Field(default_factory=dict)
    context: JsonObject = Field(default_factory=dict)
    traits: JsonObject = Field(default_factory=dict, description="facts about the user; null deletes one")
    consent: Consent | None = None


_NOTHING: Mapping[str, Any] = {}
_FIELDS = frozenset(EventMessage.model_fields)
_PURPOSES = frozenset(range(1, MAX_PURPOSE + 1))
_NUMBERS = frozenset([int])  # of which a boolean is another sort here
_UNSURE: frozenset[int] = frozenset([0])
_is_user_id = re.compile(USER_ID_PATTERN, re.ASCII).fullmatch
_is_space = re.compile(SPACE_PATTERN).fullmatch
_is_type = re.compile(TYPE_PATTERN).fullmatch


class ListEntryMessage(BaseModel):
    """A list entry as the topic carries it. Told from an event by its `list`, which no event has."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_id: str = Field(min_length=1, max_length=MAX_ID)
    user_id: str = Field(pattern=USER_ID_PATTERN)
    space: str = Field("default", pattern=SPACE_PATTERN)
    list: str = Field(pattern=LIST_ID_PATTERN)
    ts: int = Field(ge=0, le=MAX_TS_MS)
    listed: bool = True
    until: int | None = Field(None, ge=0, le=MAX_TS_MS)


def read_event(raw: object, arrived_ms: int, max_ahead_ms: int = MAX_AHEAD_MS) -> Event:
    """Check a decoded JSON value against the contract.

    `arrived_ms` is the log's or the collector's clock: the default of `ts`, and what "ahead" is measured from.
    Raises InvalidEvent.
    """
    event = _at_a_glance(raw, arrived_ms) or read_by_model(raw, arrived_ms)
    if event.ts_ms > arrived_ms + max_ahead_ms:
        raise InvalidEvent("ts: more than 5 minutes ahead of the server's clock")
    return event


def read_by_model(raw: object, arrived_ms: int) -> Event:
    """The same by the letter of the contract, however far ahead the event is. Raises InvalidEvent."""
    if not isinstance(raw, dict):
        raise InvalidEvent(f"expected an event object, found {_json_name(raw)}")
    try:
        message = EventMessage.model_validate(raw)
    except ValidationError as error:
        raise InvalidEvent(_explain(error, raw)) from None
    return Event(
        event_id=message.event_id,
        user_id=message.user_id,
        type=message.type,
        ts_ms=arrived_ms if message.ts is None else message.ts,
        space=message.space,
        properties=message.properties,
        context=message.context,
        traits=message.traits,
        purposes=None if message.consent is None else frozenset(message.consent.purposes),
    )


def _at_a_glance(raw: object, arrived_ms: int) -> Event | None:
    """The event, where it is plain that it keeps the contract; a date, say, or an id beyond ASCII is not plain."""
    if type(raw) is not dict or not raw.keys() <= _FIELDS:
        return None
    told: Callable[..., Any] = raw.get
    event_id, user_id, sort, space = told("event_id"), told("user_id"), told("type"), told("space", "default")
    properties, context, traits = told("properties", _NOTHING), told("context", _NOTHING), told("traits", _NOTHING)
    ts_ms, purposes = told("ts", arrived_ms), _purposes_at_a_glance(raw)
    plain = (
        (type(event_id) is type(user_id) is type(sort) is type(space) is str)
        and (0 < len(event_id) <= MAX_ID and event_id.isascii())
        and (_is_user_id(user_id) and _is_type(sort) and _is_space(space))
        and (type(ts_ms) is int and 0 <= ts_ms <= MAX_TS_MS)
        and (type(properties) is type(context) is type(traits) is dict)
        and purposes is not _UNSURE
    )
    return Event(event_id, user_id, sort, ts_ms, space, properties, context, traits, purposes) if plain else None


def _purposes_at_a_glance(raw: JsonObject) -> frozenset[int] | None:
    """Those granted; `_UNSURE` where that is not plain."""
    if "consent" not in raw:
        return None
    consent = raw["consent"]
    purposes = consent.get("purposes") if type(consent) is dict and len(consent) == 1 else None
    if type(purposes) is not list or len(purposes) > MAX_PURPOSE or not _NUMBERS.issuperset(map(type, purposes)):
        return _UNSURE
    granted = frozenset(purposes)
    return granted if granted <= _PURPOSES else _UNSURE


def decode_fact(data: bytes, arrived_ms: int) -> Fact:
    """Read what the log carries and got at `arrived_ms` by its own clock. Raises InvalidEvent."""
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error.msg} at character {error.pos}") from None
    if isinstance(raw, dict) and "list" in raw:
        return _read_list_entry(raw, arrived_ms)
    return read_event(raw, arrived_ms, MAX_AHEAD_MS + MAX_SKEW_MS)


def _read_list_entry(raw: JsonObject, arrived_ms: int) -> ListEntry:
    try:
        message = ListEntryMessage.model_validate(raw)
    except ValidationError as error:
        raise InvalidEvent(_explain(error, raw)) from None
    if message.ts > arrived_ms + MAX_AHEAD_MS + MAX_SKEW_MS:
        raise InvalidEvent("ts: more than 6 minutes ahead of the log's clock")
    return ListEntry(
        event_id=message.event_id,
        user_id=message.user_id,
        list_id=message.list,
        ts_ms=message.ts,
        space=message.space,
        listed=message.listed,
        until_ms=message.until,
    )


def encode_list_entry(entry: ListEntry) -> bytes:
    """Write a list entry as the JSON that the log carries."""
    message: JsonObject = {
        "event_id": entry.event_id,
        "user_id": entry.user_id,
        "space": entry.space,
        "list": entry.list_id,
        "ts": entry.ts_ms,
        "listed": entry.listed,
    }
    return orjson.dumps(message if entry.until_ms is None else {**message, "until": entry.until_ms})


def encode_event(event: Event) -> bytes:
    """Write an event as the JSON that the log carries. Raises InvalidEvent where it nests too deeply."""
    message: JsonObject = {
        "event_id": event.event_id,
        "user_id": event.user_id,
        "space": event.space,
        "type": event.type,
        "ts": event.ts_ms,
        "properties": event.properties,
        "context": event.context,
        "traits": event.traits,
    }
    if event.purposes is not None:
        message["consent"] = {"purposes": sorted(event.purposes)}
    try:
        return orjson.dumps({name: value for name, value in message.items() if value != {}})
    except (orjson.JSONEncodeError, RecursionError):
        raise InvalidEvent("nested too deeply to be stored") from None


def _explain(error: ValidationError, raw: JsonObject) -> str:
    user_id = raw.get("user_id")
    if isinstance(user_id, str) and "@" in user_id:
        return "user_id: looks like an e-mail address; send a pseudonymous id instead"
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{_location(detail['loc'])}: {detail['msg']}" for detail in details[:3])


def _location(path: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:64] for part in path)


def _json_name(value: object) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
    }
    return names.get(type(value), "something else")
