"""How far training is, while it goes through things one by one."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console

from services.replay.screens import screen_for

EVERY = 1_000
"""Things that pass between two looks at the clock."""
FRAME_S = 0.2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Far:
    fraction: float | None
    text: str

    def __str__(self) -> str:
        return self.text


def shown(console: Console, name: str, things: Iterable[T], tell: Callable[[], Far]) -> Iterator[T]:
    """The same things; how far it is appears on `console` while they are taken."""
    with screen_for(console, name) as screen:
        next_s = 0.0
        for number, thing in enumerate(things):
            yield thing
            if number % EVERY == 0 and time.monotonic() >= next_s:
                screen.show(tell())
                next_s = time.monotonic() + FRAME_S
        screen.show(tell())
