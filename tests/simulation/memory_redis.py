"""A Redis in memory: the commands that workers use, with real Redis's replies (RESP2), and scripts in real Lua.

`test_memory_redis.py` holds it to a real server.
"""

from collections.abc import Callable, Sequence
from copy import copy
from hashlib import sha1
from typing import Any, TypeVar
from zlib import crc32

from redis.exceptions import NoScriptError

from services.runtime.clock import Clock
from tests.simulation.lua import run_script

T = TypeVar("T")
Value = Any
"""Of a key: bytes, or a list of them, or what hashes, sorted sets and streams hold by field, member and entry."""
Contents = dict[bytes, Value]


class MemoryRedis:
    def __init__(self, now_ms: Clock, rewritten: Callable[[bytes], bytes] = lambda text: text) -> None:
        """`rewritten` is what becomes of the text of a script when it is loaded."""
        self.contents: Contents = {}
        self._now_ms, self._rewritten = now_ms, rewritten
        self._scripts: dict[bytes, bytes] = {}
        self._commands: dict[bytes, Callable[..., Any]] = {
            b"GET": self._get,
            b"SET": self._set,
            b"MGET": lambda *names: [self._get(name) for name in names],
            b"DEL": self._del,
            b"UNLINK": self._del,
            b"HGET": lambda name, field: self._hash(name).get(field),
            b"HMGET": lambda name, *fields: [self._hash(name).get(field) for field in fields],
            b"HGETALL": lambda name: [part for pair in self._hash(name).items() for part in pair],
            b"HSET": self._hset,
            b"HDEL": self._drop,
            b"HINCRBY": self._hincrby,
            b"RPUSH": self._rpush,
            b"LRANGE": lambda name, first, last: _cut(self._list(name), int(first), int(last)),
            b"ZADD": self._zadd,
            b"ZCARD": lambda name: len(self._scores(name)),
            b"ZREM": self._drop,
            b"ZRANGE": self._zrange,
            b"ZSCAN": self._zscan,
            b"XADD": self._xadd,
            b"XDEL": self._xdel,
            b"XRANGE": self._xrange,
            b"SCRIPT LOAD": self._load,
            b"EVALSHA": self._evalsha,
        }

    def run(self, name: bytes, *arguments: bytes) -> Any:
        """The reply to a command. Raises ResponseError."""
        return self._commands[name](*arguments)

    def kept(self, prefix: bytes = b"") -> Contents:
        """A copy of what there is below a prefix."""
        return {name: copy(value) for name, value in self.contents.items() if name.startswith(prefix)}

    def put_back(self, kept: Contents, prefix: bytes = b"") -> None:
        """Make what is below a prefix as it was then."""
        others = {name: value for name, value in self.contents.items() if not name.startswith(prefix)}
        self.contents = others | {name: copy(value) for name, value in kept.items() if name.startswith(prefix)}

    def forget_scripts(self) -> None:
        self._scripts.clear()

    def _get(self, name: bytes) -> bytes | None:
        found: bytes | None = self.contents.get(name)
        return found

    def _set(self, name: bytes, value: bytes) -> bytes:
        self.contents[name] = value
        return b"OK"

    def _hset(self, name: bytes, *pairs: bytes) -> int:
        known = self._own(name, dict[bytes, bytes]())
        before = len(known)
        known.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(known) - before

    def _del(self, *names: bytes) -> int:
        return sum(self.contents.pop(name, None) is not None for name in names)

    def _drop(self, name: bytes, *parts: bytes) -> int:
        """Fields of a hash, or members of a sorted set; nothing stays of one that is empty."""
        known = self._hash(name)
        gone = sum(known.pop(part, None) is not None for part in parts)
        if not known:
            self.contents.pop(name, None)
        return gone

    def _hincrby(self, name: bytes, field: bytes, by: bytes) -> int:
        known = self._own(name, dict[bytes, bytes]())
        number = int(known.get(field, b"0")) + int(by)
        known[field] = b"%d" % number
        return number

    def _rpush(self, name: bytes, *values: bytes) -> int:
        known = self._own(name, list[bytes]())
        known.extend(values)
        return len(known)

    def _zadd(self, name: bytes, *pairs: bytes) -> int:
        known = self._own(name, dict[bytes, float]())
        before = len(known)
        known.update((member, float(score)) for score, member in zip(pairs[::2], pairs[1::2], strict=True))
        return len(known) - before

    def _zrange(self, name: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
        ranked = sorted(self._scores(name).items(), key=lambda item: (item[1], item[0]))
        found = _cut(ranked, int(first), int(last))
        return [part for member, score in found for part in ((member, b"%.17g" % score) if options else (member,))]

    def _zscan(self, name: bytes, cursor: bytes, _count: bytes = b"COUNT", count: bytes = b"10") -> list[Any]:
        """In the order of a hash, as Redis does with larger sets: who stays meanwhile is met, whoever comes or goes."""
        scores = self._scores(name)
        ahead = sorted((crc32(member), member) for member in scores if crc32(member) >= int(cursor))
        here, rest = ahead[: int(count)], ahead[int(count) :]
        found = [part for _, member in here for part in (member, b"%.17g" % scores[member])]
        return [b"%d" % (rest[0][0] if rest else 0), found]

    def _xadd(self, name: bytes, _any_id: bytes, *pairs: bytes) -> bytes:
        stream = self._own(name, dict[bytes, list[bytes]]())
        last = _entry(max(stream, key=_entry)) if stream else (0, 0)
        added = max((self._now_ms(), 0), (last[0], last[1] + 1))
        stream[b"%d-%d" % added] = list(pairs)
        return b"%d-%d" % added

    def _xdel(self, name: bytes, *entries: bytes) -> int:
        """One that is empty stays."""
        return sum(self._stream(name).pop(entry, None) is not None for entry in entries)

    def _xrange(self, name: bytes, first: bytes, _last: bytes, *options: bytes) -> list[Any]:
        """From an entry on, or after it, to the end."""
        after = _entry(first[1:]) if first.startswith(b"(") else (-1, 0)
        begin = after if first.startswith((b"-", b"(")) else (_entry(first)[0], _entry(first)[1] - 1)
        found = [[entry, pairs] for entry, pairs in self._stream(name).items() if _entry(entry) > begin]
        return found[: int(options[1]) if options else None]

    def _load(self, text: bytes) -> bytes:
        name = sha1(text, usedforsecurity=False).hexdigest().encode()
        self._scripts[name] = self._rewritten(text)
        return name

    def _evalsha(self, name: bytes, count: bytes, *rest: bytes) -> Any:
        if name not in self._scripts:
            raise NoScriptError("No matching script. Please use EVAL.")
        return run_script(self._scripts[name], self.run, int(count), rest)

    def _hash(self, name: bytes) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = self.contents.get(name, {})
        return found

    def _list(self, name: bytes) -> list[bytes]:
        found: list[bytes] = self.contents.get(name, [])
        return found

    def _scores(self, name: bytes) -> dict[bytes, float]:
        found: dict[bytes, float] = self.contents.get(name, {})
        return found

    def _stream(self, name: bytes) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = self.contents.get(name, {})
        return found

    def _own(self, name: bytes, empty: T) -> T:
        known: T = self.contents.setdefault(name, empty)
        return known


def _entry(name: bytes) -> tuple[int, int]:
    milliseconds, _, number = name.partition(b"-")
    return int(milliseconds), int(number)


def _cut(values: Sequence[T], first: int, last: int) -> list[T]:
    """From the first place to the last, itself included; negative ones count from the end."""
    end = len(values)
    begin = max(0, first + end if first < 0 else first)
    return list(values[begin : (last + end if last < 0 else last) + 1])
