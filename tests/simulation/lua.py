"""Runs scripts as Redis does: the same Lua, the same conversions, and the parts of its library that are used here."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgpack
from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]
from redis.exceptions import ResponseError

Call = Callable[..., Any]
_BEGIN = b"local all = {select(2, ...)}; local KEYS, ARGV = {unpack(all, 1, ...)}, {unpack(all, 1 + ...)}; "
"""Cheaper than tables that are made out here."""


def run_script(text: bytes, call: Call, names: int, rest: Sequence[bytes]) -> Any:
    """What a script replies, given so many names of keys and its arguments; `call` runs a command.

    Raises ResponseError.
    """
    return _interpreter().run(text, call, names, rest)


class _Interpreter:
    """Of all scripts of this process, which leave nothing behind in it: to make one takes longer than to use it."""

    def __init__(self) -> None:
        self._lua = LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        self._table = self._lua.execute(b"return function(...) return {...} end")
        redis, cmsgpack = {b"call": self._called}, {b"unpack": self._unpacked, b"pack": _pack}
        self._lua.globals()[b"redis"] = self._lua.table_from(redis)
        self._lua.globals()[b"cmsgpack"] = self._lua.table_from(cmsgpack)
        self._compiled: dict[bytes, Any] = {}
        self._call: Call | None = None

    def run(self, text: bytes, call: Call, names: int, rest: Sequence[bytes]) -> Any:
        script = self._compiled.get(text)
        if script is None:
            script = self._compiled[text] = self._lua.compile(_BEGIN + text)
        self._call = call
        return _reply(script(names, *rest))

    def _called(self, *parts: Any) -> Any:
        assert self._call
        reply = self._call(*[part if type(part) is bytes else _argument(part) for part in parts])
        return reply if type(reply) is bytes else self._to_lua(reply)

    def _unpacked(self, packed: bytes) -> Any:
        return self._to_lua(msgpack.unpackb(packed, raw=True))

    def _to_lua(self, value: Any) -> Any:
        if value is None:
            return False
        if type(value) is list:
            return self._table(*[self._to_lua(each) if type(each) is list or each is None else each for each in value])
        return value


@lru_cache(maxsize=1)
def _interpreter() -> _Interpreter:
    return _Interpreter()


def _argument(value: Any) -> bytes:
    """Of a command, as Lua hands it over."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return b"%.17g" % value
    raise ResponseError("Lua redis lib command arguments must be strings or integers")


def _reply(value: Any) -> Any:
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if type(value) is float:
        return int(value)
    if lua_type(value) != "table":
        return value
    if value[b"err"] is not None:
        raise ResponseError(value[b"err"].decode())
    return value[b"ok"] if value[b"ok"] is not None else _elements(value)


def _elements(table: Any) -> list[Any]:
    """Up to the first nil, as Redis has it."""
    found: list[Any] = []
    while (value := table[len(found) + 1]) is not None:
        found.append(_reply(value))
    return found


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(_packable(value), use_bin_type=False)
    return packed


def _packable(value: Any) -> Any:
    if lua_type(value) != "table":
        return value
    return [_packable(value[at]) for at in range(1, len(value) + 1)]
