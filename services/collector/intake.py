"""Everything that decides which of the events in a body are taken. Pure: bytes and the time in, a decision out."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from services.collector.consent import with_purposes
from services.runtime.event_log.port import Message
from services.runtime.problems import ProblemError
from services.segmentation.events import InvalidEvent, encode_event, read_event
from services.segmentation.partitions import partition_of


class EventTooLarge(InvalidEvent):
    """The event is valid but for its size."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_event_bytes` measures an event as it was sent, but for blanks and escapes."""

    max_events: int
    max_event_bytes: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The event at `index` of the body is not taken. A single event has index 0."""

    index: int
    error: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What to append, in the order sent, and what was refused; `oversized` of the rejects are too large."""

    messages: Sequence[Message]
    rejects: Sequence[Reject]
    oversized: int = 0


def take_in(body: bytes | bytearray, arrived_ms: int, limits: Limits) -> Intake:
    """Sort the events of a request's body; `arrived_ms` is the default of their `ts`.

    Raises ProblemError: 422 where the body is not JSON or holds no event, 413 where it holds too many.
    """
    messages: list[Message] = []
    rejects: list[Reject] = []
    oversized = 0
    for index, raw in enumerate(_events(body, limits.max_events)):
        try:
            messages.append(_message(raw, arrived_ms, limits))
        except InvalidEvent as error:
            rejects.append(Reject(index, str(error)))
            oversized += isinstance(error, EventTooLarge)
    return Intake(messages, rejects, oversized)


def none_good(intake: Intake) -> ProblemError:
    """The problem to answer with when every event was refused: 413 where all are too large, else 422."""
    if intake.oversized == len(intake.rejects):
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "every event is too large", intake.rejects)
    return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "no event is valid", intake.rejects)


def _events(body: bytes | bytearray, max_events: int) -> Sequence[object]:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"not JSON: {error.msg} at character {error.pos}") from None
    events = decoded if isinstance(decoded, list) else [decoded]
    if not events:
        raise _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the array is empty")
    if len(events) > max_events:
        raise _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {max_events} events in one request")
    return events


def _message(raw: object, arrived_ms: int, limits: Limits) -> Message:
    event = read_event(with_purposes(raw), arrived_ms)
    value = encode_event(event)
    if len(orjson.dumps(raw)) > limits.max_event_bytes:
        raise EventTooLarge(f"larger than {limits.max_event_bytes} bytes")
    return Message(partition_of(event.user_id, limits.partitions), event.user_id.encode(), value)


def _refusal(status: HTTPStatus, detail: str, rejects: Sequence[Reject] = ()) -> ProblemError:
    return ProblemError(status, detail, members={"accepted": 0, "rejected": rejects})
