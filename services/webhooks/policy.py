"""When a webhook is tried again, and when it is given up. Everything that decides that lives here. Pure.

| answer                         | what follows                                                            |
| ------------------------------ | ----------------------------------------------------------------------- |
| 2xx                            | all is well: the next delivery at once                                  |
| 410                            | disabled: the receiver says that it is gone for good                    |
| anything else, or none in time | again after 1 to 2 s, then twice as long each time, up to 5 minutes     |
|                                | and not before the Retry-After of the answer                            |
| the same for 24 hours          | disabled                                                                |
"""

from dataclasses import dataclass

FIRST_DELAY_MS = 1_000
LONGEST_DELAY_MS = 5 * 60_000
GIVE_UP_AFTER_MS = 24 * 3_600_000

_GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said. `told` is that in words, without what may be secret."""

    told: str
    status: int | None = None
    """None where no answer came."""
    retry_after_ms: int | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands. Times are milliseconds of any one clock that does not jump."""

    failures: int = 0
    """In a row."""
    failing_since_ms: int = 0
    next_try_ms: int = 0
    disabled: str | None = None
    """Why nothing is tried any more."""

    def wait_ms(self, now_ms: int) -> int:
        """How long to wait before the next try."""
        return max(0, self.next_try_ms - now_ms)


def after(standing: Standing, answer: Answer, now_ms: int, chance: float) -> Standing:
    """How it stands after an answer. `chance`, in [0, 1), spreads the tries of many that failed at the same time."""
    if answer.accepted:
        return Standing()
    failures = standing.failures + 1
    since_ms = standing.failing_since_ms if standing.failures else now_ms
    next_try_ms = now_ms + max(_delay_ms(failures, chance), _asked_for_ms(answer))
    return Standing(failures, since_ms, next_try_ms, _reason_to_give_up(answer, now_ms - since_ms))


def _delay_ms(failures: int, chance: float) -> int:
    """Between half and all of what doubles with each failure."""
    longest_ms = min(FIRST_DELAY_MS << min(failures, 16), LONGEST_DELAY_MS)
    return round(longest_ms * (1 + chance) / 2)


def _asked_for_ms(answer: Answer) -> int:
    return min(answer.retry_after_ms or 0, GIVE_UP_AFTER_MS)


def _reason_to_give_up(answer: Answer, failing_for_ms: int) -> str | None:
    if answer.status == _GONE:
        return "the receiver answered 410 Gone"
    if failing_for_ms >= GIVE_UP_AFTER_MS:
        return f"no success in 24 hours; the last answer: {answer.told}"
    return None
