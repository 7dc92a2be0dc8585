"""What may happen to a command and to its reply between the product and Redis, beside arriving once each."""

from collections import deque
from collections.abc import Callable
from itertools import count

from tests.support.proxy import Broken, Wire

Chance = Callable[[], bool]
"""Whether it happens to the next one."""


def every(nth: int) -> Chance:
    """To each nth, counted over all connections."""
    numbers = count(1)
    return lambda: next(numbers) % nth == 0


class RepliesLost(Wire):
    """Redis has done what it was told, and the connection breaks before it can say so."""

    def __init__(self, chance: Chance) -> None:
        self._chance, self._rest = chance, b""

    def to_client(self, data: bytes) -> bytes:
        replies, self._rest = split(self._rest + data)
        for number, _ in enumerate(replies):
            if self._chance():
                raise Broken(b"".join(replies[:number]))
        return b"".join(replies)


class RepliesSwallowed(RepliesLost):
    """The same, but the connection stays and is silent: whoever waits has to give up by himself."""

    def to_client(self, data: bytes) -> bytes:
        replies, self._rest = split(self._rest + data)
        return b"".join(reply for reply in replies if not self._chance())


class RepliesRepeated(RepliesLost):
    """A reply comes twice, so the second may be taken for that to the next command."""

    def to_client(self, data: bytes) -> bytes:
        replies, self._rest = split(self._rest + data)
        return b"".join(reply * (2 if self._chance() else 1) for reply in replies)


class CommandsRepeated(Wire):
    """A command is carried out twice, as by a client that tries again in silence, and only the second reply arrives."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._commands, self._replies = b"", b""
        self._dropped: deque[bool] = deque()
        """Of each reply to come whether it is kept back."""

    def to_server(self, data: bytes) -> bytes:
        commands, self._commands = split(self._commands + data)
        sent = []
        for command in commands:
            times = 2 if self._chance() else 1
            self._dropped.extend([True] * (times - 1) + [False])
            sent.append(command * times)
        return b"".join(sent)

    def to_client(self, data: bytes) -> bytes:
        replies, self._replies = split(self._replies + data)
        return b"".join(reply for reply in replies if not self._dropped.popleft())


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Cut bytes of RESP, version 2 or 3, into whole values and the rest."""
    values, begin = [], 0
    while (end := _end(data, begin)) is not None:
        values.append(data[begin:end])
        begin = end
    return values, data[begin:]


def _end(data: bytes, begin: int) -> int | None:
    """Where the value ends that begins at `begin`; None where its end has not come yet."""
    line_end = data.find(b"\r\n", begin)
    if line_end < 0:
        return None
    kind, at = data[begin : begin + 1], line_end + 2
    if kind in (b"$", b"!", b"="):
        size_bytes = int(data[begin + 1 : line_end])
        at += size_bytes + 2 if size_bytes >= 0 else 0
        return at if at <= len(data) else None
    if kind in (b"*", b"~", b">", b"%"):
        return _end_of_many(data, at, int(data[begin + 1 : line_end]) * (2 if kind == b"%" else 1))
    return at


def _end_of_many(data: bytes, at: int, values: int) -> int | None:
    for _ in range(values):
        end = _end(data, at)
        if end is None:
            return None
        at = end
    return at
