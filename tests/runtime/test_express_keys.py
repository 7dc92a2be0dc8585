"""Where keys are asked for, a good one opens the express, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.runtime.access.api_keys import KeyRing, new_key
from services.runtime.access.api_keys import Scope as KeyScope
from services.runtime.access.guard import Guard
from tests.runtime.expresses import PLAIN, Kept, Routed
from tests.support.raw_http import exchange, listening


@pytest.fixture
def ring() -> list[KeyRing]:
    return [KeyRing()]


@pytest.fixture
async def port(express: Kept, routed: Routed, ring: list[KeyRing]) -> AsyncIterator[int]:
    async with listening(Guard(routed, lambda: ring[0], lambda: 1_000), express) as port:
        yield port


async def test_a_good_key_opens_the_express_until_it_is_revoked(express: Kept, port: int, ring: list[KeyRing]) -> None:
    key, record = new_key("dsp", [KeyScope.LOOKUP])
    ring[0] = KeyRing([record])
    request = (PLAIN % b"u").replace(b"\r\n\r\n", b"\r\nX-API-Key: %b\r\n\r\n" % key.encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(request)
        await express.answer()
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\nu"), 5)
    ring[0] = KeyRing()
    writer.write(request)
    assert b" 401 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert len(express.callers) == 2
    writer.close()


@pytest.mark.parametrize(
    ("scopes", "expires_ms", "shown", "status"),
    [
        ([KeyScope.LOOKUP], None, [], b"401"),
        ([KeyScope.LOOKUP], None, ["Authorization: Bearer %s", "X-API-Key: %s"], b"401"),
        ([KeyScope.LOOKUP], None, ["Authorization: Basic %s"], b"401"),
        ([KeyScope.LOOKUP], None, ["X-API-Key: %sx"], b"401"),
        ([KeyScope.LOOKUP], 1_000, ["X-API-Key: %s"], b"401"),
        ([KeyScope.SEGMENTS], None, ["X-API-Key: %s"], b"403"),
    ],
)
async def test_no_other_does(
    express: Kept,
    port: int,
    ring: list[KeyRing],
    scopes: list[KeyScope],
    expires_ms: int | None,
    shown: list[str],
    status: bytes,
) -> None:
    key, record = new_key("dsp", scopes, expires_ms)
    ring[0] = KeyRing([record])
    lines = "".join(f"{line % key if '%s' in line else line}\r\n" for line in shown).encode()
    for _ in range(2):
        (answer,) = await exchange(port, (PLAIN % b"u").replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n"))
        assert answer.startswith(b"HTTP/1.1 " + status)
    assert express.callers == []


async def test_a_key_expires_on_an_open_connection_too(express: Kept, routed: Routed) -> None:
    key, record = new_key("dsp", [KeyScope.LOOKUP], 2_000)
    ring, now_ms = KeyRing([record]), [1_999]
    request = (PLAIN % b"u").replace(b"\r\n\r\n", b"\r\nAuthorization: bearer %b\r\n\r\n" % key.encode())
    async with listening(Guard(routed, lambda: ring, lambda: now_ms[0]), express) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await express.answer()
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\nu"), 5)
        now_ms[0] = 2_000
        writer.write(request)
        assert b" 401 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
    assert len(express.callers) == 1
