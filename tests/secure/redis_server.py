"""A Redis that speaks TLS alone and knows the users of deploy/redis/users.acl, each with a password."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.local_stack.child_process import start_child, stop_child, wait_until_ready
from services.local_stack.redis_binary import find_redis_binary
from tests.secure.certificates import Authority, Certificate
from tests.support.ports import free_ports

USERS_FILE = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"
ROLES = ("api", "collector", "worker", "trainer", "webhooks")
ADMIN = "admin"
"""A user of the tests' own, with every right."""


@dataclass(frozen=True)
class SecureRedis:
    port: int
    authority: Authority

    def url(self, role: str, *, host: str = "127.0.0.1", password: str | None = None, cluster: bool = False) -> str:
        scheme = "rediss+cluster" if cluster else "rediss"
        return f"{scheme}://{user_of(role)}:{password or password_of(role)}@{host}:{self.port}/0"

    def client(self, role: str) -> "redis.Redis":
        """One that tries everything once; the caller closes it."""
        return redis.Redis.from_url(
            self.url(role), ssl_ca_certs=str(self.authority.ca), socket_timeout=5, retry=Retry(NoBackoff(), 0)
        )


def user_of(role: str) -> str:
    return role if role == ADMIN else f"tranche-{role}"


def password_of(role: str) -> str:
    return f"password-of-{role}"


def missing_for_secure_redis() -> str | None:
    """What this machine lacks, in words; None when nothing."""
    binary = find_redis_binary()
    if binary.major < 7:
        return f"users with selectors take Redis 7, and only Redis {binary.major} is here"
    linked = subprocess.run(["ldd", binary.path], capture_output=True, text=True, timeout=10, check=False)
    return None if "libssl" in linked.stdout else f"{binary.path} was built without TLS"


@contextmanager
def secure_redis(
    folder: Path, authority: Authority, own: Certificate, *, cluster: bool = False
) -> Iterator[SecureRedis]:
    """Empty and started; as a cluster it is the only node. Raises StartFailed."""
    port, _bus_port = free_ports(0, 10_000)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users.acl").write_text(_users_with_passwords())
    command = [str(find_redis_binary().path), *_options(folder, port, authority, own, cluster)]
    process = start_child(command, os.environ, folder / "log")
    server = SecureRedis(port, authority)
    try:
        wait_until_ready(process, lambda: _answers(server), 30, folder / "log")
        if cluster:
            with server.client(ADMIN) as client:
                client.cluster("ADDSLOTSRANGE", 0, 16_383)
            wait_until_ready(process, lambda: _serves(server), 30, folder / "log")
        yield server
    finally:
        stop_child(process, 10)


def _options(folder: Path, port: int, authority: Authority, own: Certificate, cluster: bool) -> list[str]:
    tls = f"--tls-cert-file {own.certificate} --tls-key-file {own.key} --tls-ca-cert-file {authority.ca}"
    text = f"--port 0 --tls-port {port} --bind 127.0.0.1 {tls} --tls-auth-clients no --dir {folder}"
    many = "--cluster-enabled yes --tls-cluster yes" if cluster else ""
    return [*text.split(), *many.split(), "--aclfile", str(folder / "users.acl"), "--save", ""]


def _users_with_passwords() -> str:
    """As an operator makes it of the file that is delivered, and one who may do everything beside them."""
    delivered = USERS_FILE.read_text()
    text, users = re.subn(
        r"^user tranche-(\w+) on", lambda each: f"{each[0]} >{password_of(each[1])}", delivered, flags=re.MULTILINE
    )
    assert users == len(ROLES)
    return f"user {ADMIN} on >{password_of(ADMIN)} ~* &* +@all\n{text}"


def _answers(server: SecureRedis) -> bool:
    try:
        with server.client(ADMIN) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def _serves(server: SecureRedis) -> bool:
    with server.client(ADMIN) as client:
        return bool(client.cluster("INFO")["cluster_state"] == "ok")
