"""Runs scripts as Redis does: the same Lua, the same conversions, and the parts of its library that are used here."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgpack
from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]
from redis.exceptions import ResponseError

Call = Callable[..., Any]


def run_script(text: bytes, call: Call, names: list[bytes], args: list[bytes]) -> Any:
    """What a script replies; `call` runs one command. Raises ResponseError."""
    runtime = _runtime()

    def called(*parts: Any) -> Any:
        return _to_lua(call(*map(_argument, parts)))

    library = runtime.table_from({b"call": called})
    return _reply(_compiled(text)(library, runtime.table_from(names), runtime.table_from(args)))


@lru_cache(maxsize=1)
def _runtime() -> Any:
    runtime = LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
    packing = {b"unpack": lambda packed: _to_lua(msgpack.unpackb(packed, raw=True)), b"pack": _pack}
    runtime.globals()[b"cmsgpack"] = runtime.table_from(packing)
    return runtime


@lru_cache(maxsize=64)
def _compiled(text: bytes) -> Any:
    return _runtime().compile(b"local redis, KEYS, ARGV = ... " + text)


def _argument(value: Any) -> bytes:
    """Of a command, as Lua hands it over."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return b"%.17g" % value
    raise ResponseError("Lua redis lib command arguments must be strings or integers")


def _to_lua(value: Any) -> Any:
    if value is None:
        return False
    if isinstance(value, list | tuple):
        return _runtime().table_from([_to_lua(each) for each in value])
    return value


def _reply(value: Any) -> Any:
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if isinstance(value, float):
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
