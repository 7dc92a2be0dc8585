"""The whole product on servers that let nobody in without TLS, a name and a password: each role by its own.

Once on the log embedded in Redis, and once on Kafka with a Redis Cluster. Whatever the roles do all day is done, so
that a right that is missing shows.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.local_stack.child_process import holds_within
from services.local_stack.role import Role
from tests.secure.kafka_server import SecureKafka
from tests.secure.redis_server import ADMIN, ROLES, SecureRedis
from tests.support.ports import free_ports

PATIENCE_S = 60.0
TRANCHE = Path(sys.executable).with_name("tranche")
HOOKS = """
webhooks:
- {{id: crm, url: "http://127.0.0.1:{port}/", secret: whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0, from: beginning}}
"""


@dataclass
class Receiver:
    """Takes webhooks."""

    changes: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        taken = self.changes

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.extend(orjson.loads(body)["changes"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])


@dataclass
class Deployment:
    api: httpx.Client
    collector: httpx.Client
    receiver: Receiver
    folder: Path
    worker_env: Mapping[str, str]

    def operate(self, *command: str) -> None:
        """What an operator does, by the workers' name."""
        env = os.environ | dict(self.worker_env)
        done = subprocess.run([TRANCHE, *command], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        answer = self.api.request(method, path, json=content)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}\n{self.logs()}"
        return answer.json() if answer.headers.get("content-type") == "application/json" else answer.text

    def logs(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.long), "kafka"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    on_kafka = request.param == "kafka"
    redis: SecureRedis = request.getfixturevalue("secure_cluster" if on_kafka else "secure")
    kafka: SecureKafka | None = request.getfixturevalue("kafka") if on_kafka else None
    with redis.client(ADMIN) as client:
        client.flushall()
    with Receiver() as receiver:
        (tmp_path / "hooks.yaml").write_text(HOOKS.format(port=receiver.port))
        ports = dict(zip(ROLES, free_ports(*range(len(ROLES))), strict=True))
        roles = [
            Role(name, ports[name], env_of(name, redis, kafka, tmp_path), tmp_path / f"{name}.log")
            for name in ("worker", "api", "collector", "trainer", "webhooks")
        ]
        api, collector = client_of(ports["api"]), client_of(ports["collector"])
        worker_env = env_of("worker", redis, kafka, tmp_path)
        yield from running(roles, Deployment(api, collector, receiver, tmp_path, worker_env))


def running(roles: list[Role], deployment: Deployment) -> Iterator[Deployment]:
    try:
        for role in roles:
            role.start()
            if role.name == "worker":  # it makes what the others have no right to make: the topics, and the record
                role.wait_until_ready()
        for role in roles:
            role.wait_until_ready()
        yield deployment
    finally:
        for role in roles:
            role.stop()
        deployment.api.close()
        deployment.collector.close()


def env_of(role: str, redis: SecureRedis, kafka: SecureKafka | None, folder: Path) -> Mapping[str, str]:
    shared = {
        "TRANCHE_REDIS_URL": redis.url(role, cluster=kafka is not None),
        "TRANCHE_REDIS_CA": str(redis.authority.ca),
        "TRANCHE_PARTITIONS": "2",
        "TRANCHE_CHANGES": "on",
        "TRANCHE_WEBHOOKS": str(folder / "hooks.yaml"),
    }
    return shared | (kafka.env(role) if kafka else {})


def client_of(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)


def test_every_role_does_its_work_with_the_rights_that_it_is_given(deployment: Deployment) -> None:
    ask = deployment.ask
    ask("PUT", "/v1/segments/views", {"name": "Views", "rule": "count('view') >= 1"})
    events = [{"event_id": f"e{number}", "user_id": f"u{number}", "type": "view"} for number in range(20)]
    answer = deployment.collector.post("/v1/events", json=events)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 20), deployment.logs()
    assert applied(deployment), deployment.logs()
    assert [each["id"] for each in lookup(deployment, "u1")] == ["views"]
    told = deployment.receiver.changes
    assert holds_within(PATIENCE_S, lambda: {each["user_id"] for each in told} >= {"u1", "u19"}), deployment.logs()
    ask("GET", "/v1/users/u1/segments/views/explain")
    ask("POST", "/v1/segments/preview", {"rule": "count('view') >= 1"})
    assert "u1" in str(ask("GET", "/v1/segments/views/members"))
    ask("GET", "/v1/segments")
    ask("GET", "/v1/segments/views")
    [edit] = ask("GET", "/v1/segments/views/history")["entries"]
    ask("POST", "/v1/lists/vip/members", ["u1", "u2"])
    ask("GET", "/v1/lists")
    ask("GET", "/v1/lists/vip")
    ask("POST", "/v1/lists/vip/members/remove", ["u2"])
    assert applied(deployment), deployment.logs()
    ask("POST", f"/v1/segments/views/rollback?to={edit['version']}")
    ask("DELETE", "/v1/lists/vip")
    ask("DELETE", "/v1/segments/views")
    for command in (("repair", "status"), ("dlq", "list")):
        deployment.operate(*command)
    assert_nothing_was_refused(deployment)


def applied(deployment: Deployment) -> bool:
    return holds_within(PATIENCE_S, lambda: deployment.ask("GET", "/v1/status")["lag"] == 0)


def lookup(deployment: Deployment, user: str) -> list[dict[str, Any]]:
    """Not a degraded answer: a busy machine may miss a deadline of milliseconds."""
    found: dict[str, Any] = {}

    def whole() -> bool:
        found.update(deployment.ask("GET", f"/v1/users/{user}/segments"))
        return not found["degraded"]

    assert holds_within(PATIENCE_S, whole), deployment.logs()
    segments: list[dict[str, Any]] = found["segments"]
    return segments


def assert_nothing_was_refused(deployment: Deployment) -> None:
    logs = deployment.logs()
    assert not [word for word in ("NoPermission", "NOPERM", "AuthorizationFailed") if word in logs], logs
    assert "password-of-" not in logs
