"""What may become of a request, and which of it is good. An answer in a degraded state and a polite refusal are neither
good nor errors: both are the service protecting itself, and are counted on their own."""

from collections.abc import Mapping

KNOWN, UNKNOWN, ANSWERED, ACCEPTED, VISIBLE = "known", "unknown", "answered", "accepted", "visible"
DEGRADED, SHED = "degraded", "shed"
TIMEOUT, REFUSED, LOST, REJECTED, GARBLED, NEVER = "timeout", "refused", "lost", "rejected", "garbled", "never visible"

GOOD = frozenset({KNOWN, UNKNOWN, ANSWERED, ACCEPTED, VISIBLE})
NO_ERROR = GOOD | {DEGRADED, SHED}
WAITED = NO_ERROR - {SHED} | {TIMEOUT, NEVER, REJECTED}
"""What counts in the latencies. A refusal is quick and would flatter them, a timeout would by its absence."""


def judge(kind: str, status: int, body: bytes) -> str:
    """What an answer means for a request of a kind."""
    if status == 503:
        return SHED
    if status != (202 if kind == "event" else 200):
        return f"status {status}"
    return _READERS[kind](body)


def errors(outcomes: Mapping[str, int]) -> dict[str, int]:
    """The outcomes that are errors, by kind of error."""
    return {name: count for name, count in outcomes.items() if name not in NO_ERROR}


def _lookup(body: bytes) -> str:
    if b'"degraded":true' in body:
        return DEGRADED
    if b'"known":true' in body:
        return KNOWN
    return UNKNOWN if b'"known":false' in body else GARBLED


def _batch(body: bytes) -> str:
    if b'"degraded":true' in body:
        return DEGRADED
    return ANSWERED if b'"results"' in body else GARBLED


def _event(body: bytes) -> str:
    if b'"accepted"' not in body:
        return GARBLED
    return ACCEPTED if b'"rejected":[]' in body else REJECTED


_READERS = {"lookup": _lookup, "batch": _batch, "event": _event}
