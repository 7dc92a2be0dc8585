"""The collector over a log in memory, and a client that speaks to it without a network."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.collector.app import create_app
from services.collector.settings import CollectorSettings
from tests.collector.examples import NOW_MS
from tests.collector.memory_log import MemoryLog


@pytest.fixture
def settings() -> CollectorSettings:
    return CollectorSettings(body_timeout_s=0.3, append_timeout_s=0.3, max_in_flight_bytes=32 * 1024 * 1024)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def app(settings: CollectorSettings, log: MemoryLog) -> FastAPI:
    return create_app(settings, log, log, lambda: NOW_MS)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        yield client
