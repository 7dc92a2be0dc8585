"""Every stored value begins with the version of its codec, so that a reader knows whether it understands the rest."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")


class UnknownCodec(ValueError):
    """The bytes were written by a version of Tranche that this one cannot read, or are damaged."""


def check_version(what: str, found: int, *known: int) -> None:
    """Raises UnknownCodec unless the version found is one of those known, and ValueError where it is no number."""
    if found not in known:
        raise UnknownCodec(f"{what} codec {found:d}; this version reads {', '.join(map(str, known))}")


def decoder(decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Let `decode` raise UnknownCodec whatever is wrong with the bytes. The message holds nothing of them."""

    @wraps(decode)
    def checked(data: bytes) -> T:
        try:
            return decode(data)
        except UnknownCodec:
            raise
        except Exception as error:
            raise UnknownCodec(f"{decode.__name__}: {type(error).__name__}") from error

    return checked
