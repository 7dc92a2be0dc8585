"""Kept values and whole numbers in few bytes.

A price takes nine bytes as a double, and two or three as whole hundredths. So a stored integer is twice an integer, or
one more than twice the hundredths of a float, wherever these give back the very same float.
"""

from collections.abc import Sequence
from math import copysign
from struct import pack, unpack
from typing import Any

_EXACT = 2**53
"""Floats beyond have no fractions."""
_DIGITS = 16
"""Hexadecimal ones of the longest number."""


def value_out(value: Any) -> Any:
    """A kept value, or None, as MessagePack can write it."""
    sort = type(value)  # and not isinstance: True is an int
    if sort is int:
        return wide(2 * value)
    if sort is not float or not -_EXACT < value < _EXACT:
        return value
    hundredths = round(value * 100)
    is_same = hundredths / 100 == value and (hundredths or copysign(1, value) > 0)
    return 2 * hundredths + 1 if is_same else value


def value_in(stored: Any) -> Any:
    if type(stored) is not int and type(stored) is not bytes:
        return stored
    number = narrow(stored)
    return (number >> 1) / 100 if number & 1 else number >> 1


def wide(number: int) -> int | bytes:
    """A whole number of any size; beyond 64 bits as its two's complement, which MessagePack cannot write itself."""
    return number if -(2**63) <= number < 2**63 else number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def narrow(number: int | bytes) -> int:
    return number if isinstance(number, int) else int.from_bytes(number, "big", signed=True)


def numbers_out(numbers: Sequence[int]) -> bytes:
    """Numbers below 2**64, in as many half-bytes each as the greatest takes: first the highest digits of all."""
    width = (max(numbers, default=0).bit_length() + 3) // 4
    if not width:
        return b""
    digits = pack(f">{len(numbers)}Q", *numbers).hex()
    places = "".join([digits[place::_DIGITS] for place in range(_DIGITS - width, _DIGITS)])
    return bytes.fromhex(places if len(places) % 2 == 0 else f"0{places}")


def numbers_in(data: bytes, count: int) -> tuple[int, ...]:
    """The `count` numbers. Raises whatever damaged ones raise."""
    if not data:
        return (0,) * count
    width = 2 * len(data) // count
    places = data.hex()[-width * count :]
    digits = bytearray(b"0" * (_DIGITS * count))
    for place in range(width):
        digits[_DIGITS - width + place :: _DIGITS] = places[place * count : (place + 1) * count].encode()
    return unpack(f">{count}Q", bytes.fromhex(digits.decode()))
