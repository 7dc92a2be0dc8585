"""Clients of a Redis that speaks TLS alone: whom they trust, and what they say when they do not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from redis.exceptions import NoPermissionError

from services.runtime.redis_client import REDIS_ERRORS, BadRedisUrl, RedisClient, connect, get_many
from services.runtime.settings import Settings
from tests.secure.certificates import Authority
from tests.secure.redis_server import SecureRedis, password_of

NAMES = [f"{{p{number:02d}}}:wm" for number in range(8)]
RIGHT, WRONG = password_of("worker"), "s3cr3t"


@asynccontextmanager
async def client_of(url: str, ca: Path | None) -> AsyncIterator[RedisClient]:
    """As every service makes it of its settings."""
    client = connect(Settings(redis_url=url, redis_ca=ca).redis_url, timeout_s=5)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(params=["server", "cluster"])
def each(request: pytest.FixtureRequest) -> tuple[SecureRedis, bool]:
    """A single server, and a cluster."""
    cluster = request.param == "cluster"
    return request.getfixturevalue("secure_cluster" if cluster else "secure"), cluster


async def test_a_client_that_trusts_the_authority_is_served(each: tuple[SecureRedis, bool]) -> None:
    server, cluster = each
    async with client_of(server.url("worker", cluster=cluster), server.authority.ca) as client:
        for number, name in enumerate(NAMES):
            await client.set(name, number)
        assert await get_many(client, NAMES) == [str(number).encode() for number in range(8)]
        with pytest.raises(NoPermissionError):
            await client.set("anything", 1)


@pytest.mark.parametrize("trusted", ["another authority", "those of this machine"])
async def test_a_server_of_an_authority_that_is_not_trusted_is_refused(
    each: tuple[SecureRedis, bool], stranger: Authority, trusted: str
) -> None:
    server, cluster = each
    ca = stranger.ca if trusted == "another authority" else None
    async with client_of(server.url("worker", cluster=cluster), ca) as client:
        assert "certificate verify failed" in await complaint(client)


async def test_a_server_with_the_certificate_of_another_host_is_refused(secure: SecureRedis) -> None:
    async with client_of(secure.url("worker", host="localhost"), secure.authority.ca) as client:
        assert "not valid for 'localhost'" in await complaint(client)


async def test_a_wrong_password_is_told_and_not_repeated(each: tuple[SecureRedis, bool]) -> None:
    server, cluster = each
    async with client_of(server.url("worker", password=WRONG, cluster=cluster), server.authority.ca) as client:
        told = await complaint(client)
    assert "invalid username-password pair" in told
    assert WRONG not in told


async def test_without_tls_nobody_comes_in(each: tuple[SecureRedis, bool]) -> None:
    server, cluster = each
    async with client_of(server.url("worker", cluster=cluster).replace("rediss", "redis"), None) as client:
        assert RIGHT not in await complaint(client)


async def test_all_connections_of_a_client_share_one_context(
    each: tuple[SecureRedis, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, cluster = each
    async with client_of(server.url("worker", cluster=cluster), server.authority.ca) as client:
        monkeypatch.delattr(ssl, "create_default_context")  # whoever wants another one fails
        assert await asyncio.gather(*(client.get("{p00}:s:nobody") for _ in range(20))) == [None] * 20


def test_only_the_given_authorities_are_trusted(authority: Authority) -> None:
    url = Settings(redis_url="rediss://127.0.0.1:1", redis_ca=authority.ca).redis_url
    client = connect(url, timeout_s=1)
    connection = client.connection_pool.make_connection()  # type: ignore[union-attr]
    assert [each["subject"] for each in connection.ssl_context.get().get_ca_certs()] == [
        ((("commonName", "authority"),),)
    ]


@pytest.mark.parametrize("scheme", ["rediss", "rediss+cluster"])
@pytest.mark.parametrize(
    "option", ["ssl_cert_reqs=none", "ssl_check_hostname=no", "ssl_ca_certs=/nowhere.pem", "ssl_min_version=1"]
)
def test_a_url_cannot_weaken_tls(scheme: str, option: str) -> None:
    with pytest.raises(BadRedisUrl) as raised:
        connect(f"{scheme}://tranche-api:s3cr3t@127.0.0.1:1/0?{option}", timeout_s=1)
    assert "s3cr3t" not in str(raised.value)


def test_a_client_certificate_of_the_url_is_taken(authority: Authority) -> None:
    made = authority.sign("client", "DNS:client")
    connect(f"rediss://127.0.0.1:1?ssl_certfile={made.certificate}&ssl_keyfile={made.key}", timeout_s=1)
    with pytest.raises(BadRedisUrl, match="certificates"):
        connect(f"rediss://127.0.0.1:1?ssl_certfile={made.key}", timeout_s=1)


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"redis_url": "redis://127.0.0.1"}, "begin with rediss://"),
        ({}, "begin with rediss://"),
        ({"redis_url": "rediss://h", "redis_ca": "/nowhere.pem"}, "/nowhere.pem .* certificates in PEM: No such file"),
        ({"redis_url": "rediss://h", "redis_ca": __file__}, "certificates in PEM"),
    ],
)
def test_an_authority_that_would_not_be_used_is_refused(
    authority: Authority, told: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings.model_validate({"redis_ca": str(authority.ca)} | told)


@pytest.mark.parametrize("query", ["?ssl_ca_certs=/own.pem", "?db=1&ssl%5Fca_certs=/own.pem", "#?ssl_ca_certs=/o.pem"])
def test_an_authority_is_named_in_one_place(authority: Authority, query: str) -> None:
    with pytest.raises(ValidationError, match="set one of the two"):
        Settings(redis_url=f"rediss://127.0.0.1{query}", redis_ca=authority.ca)


def test_settings_do_not_show_a_password() -> None:
    assert "s3cr3t" not in repr(Settings(redis_url="rediss://tranche-api:s3cr3t@127.0.0.1"))


async def complaint(client: RedisClient) -> str:
    with pytest.raises(REDIS_ERRORS) as raised:
        await client.get(NAMES[0])
    return str(raised.value)
