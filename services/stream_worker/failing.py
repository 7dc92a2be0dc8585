"""What a turn failed with, in words that tell nothing of users."""

from redis.exceptions import OutOfMemoryError, ResponseError

REDIS_FULL = "Redis is full (maxmemory): applying waits"


def reason_of(error: BaseException) -> str:
    return REDIS_FULL if _is_full(error) else type(error).__name__


def _is_full(error: BaseException) -> bool:
    # From within a script, Redis before version 7 tells it in the text alone.
    return isinstance(error, OutOfMemoryError) or (
        isinstance(error, ResponseError) and "OOM command not allowed" in str(error)
    )
