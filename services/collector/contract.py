"""How the collector describes itself in OpenAPI: what it takes, and every answer that it gives."""

from typing import Any

from services.collector.consent import CONSENT_FORMS
from services.collector.settings import CollectorSettings
from services.runtime.problems import problem_answer
from services.segmentation.events import EventMessage

_REJECTED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["index", "error"],
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "position in the array that was sent"},
            "error": {"type": "string"},
        },
    },
}
_COUNTS = {"accepted": {"type": "integer", "minimum": 0}, "rejected": _REJECTED}


def request_body(settings: CollectorSettings) -> dict[str, Any]:
    """One event or an array of them. Any content type will do: navigator.sendBeacon sends text/plain."""
    event = event_schema()
    several = {"type": "array", "minItems": 1, "maxItems": settings.max_events, "items": event}
    content = {"schema": {"anyOf": [event, several]}}
    return {"required": True, "content": {"application/json": content, "text/plain": content}}


def event_schema() -> dict[str, Any]:
    """The schema of an event as it is sent: as on the log, but for the forms of consent that are taken here."""
    schema = EventMessage.model_json_schema()
    schema.pop("$defs")
    forms = [form.model_json_schema() for form in CONSENT_FORMS]
    schema["properties"]["consent"] = {"anyOf": [*forms, {"type": "null"}], "default": None}
    return schema


def answers(settings: CollectorSettings) -> dict[int | str, dict[str, Any]]:
    """Every answer of POST /v1/events, by status."""
    accepted = {"type": "object", "required": ["accepted", "rejected"], "properties": _COUNTS}
    retry_after = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait before trying again"}}
    return {
        202: {
            "description": "The log has every event but the rejected ones.",
            "content": {"application/json": {"schema": accepted}},
        },
        400: problem_answer("The request was cut off."),
        408: problem_answer(f"The body took longer than {settings.body_timeout_s:g} s to arrive."),
        413: problem_answer(
            f"More than {settings.max_events} events, every event over {settings.max_event_bytes} bytes, blanks aside, "
            f"or a body over {settings.max_body_bytes} bytes."
        ),
        415: problem_answer("The body has a content-encoding."),
        422: problem_answer("No event is valid, or the body is not JSON.", _COUNTS),
        503: {
            **problem_answer("The log cannot take the events, or too much is being received. Send them again later."),
            "headers": retry_after,
        },
    }
