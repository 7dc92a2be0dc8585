"""Every role as a process: shut to the keyless where it was given keys, and never open beyond this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.local_stack.child_process import holds_within
from services.local_stack.role import Role
from services.runtime.access.api_keys import Scope, new_key
from services.runtime.access.key_file import read_key_file
from services.runtime.access.key_file_edits import write_key_file
from services.runtime.access.needs import NEEDS, NOTHING
from tests.support.ports import free_ports

ROLES = ("api", "collector", "worker", "trainer", "webhooks")
TRANCHE = Path(sys.executable).with_name("tranche")
HOOKS = """
webhooks: [{id: crm, url: "http://127.0.0.1:1/", secret: whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0}]
"""
KEYS = {scope: new_key(scope, [scope]) for scope in Scope}

Operation = tuple[str, str]
Services = Mapping[str, httpx.Client]


@pytest.fixture(scope="module")
def env(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    path = tmp_path_factory.mktemp("keys") / "keys.yaml"
    write_key_file(path, [record for _, record in KEYS.values()])
    hooks = path.with_name("hooks.yaml")
    hooks.write_text(HOOKS)
    webhooks = {"TRANCHE_WEBHOOKS": str(hooks), "TRANCHE_CHANGES": "on"}
    return {"TRANCHE_REDIS_URL": redis_url, "TRANCHE_PARTITIONS": "2", "TRANCHE_API_KEYS": str(path)} | webhooks


@pytest.fixture(scope="module")
def services(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A client of each role."""
    folder, ports = tmp_path_factory.mktemp("roles"), free_ports(*range(len(ROLES)))
    roles = [Role(name, port, env, folder / f"{name}.log") for name, port in zip(ROLES, ports, strict=True)]
    try:
        for role in roles:
            role.start()
        for role in roles:
            role.wait_until_ready()
        with ExitStack() as stack:
            yield {
                name: stack.enter_context(
                    httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)
                )
                for name, port in zip(ROLES, ports, strict=True)
            }
        logs = "".join((folder / f"{name}.log").read_text() for name in ROLES)
        assert not [key for key, _ in KEYS.values() if key[17:] in logs]
    finally:
        for role in roles:
            role.stop()


def operations(service: httpx.Client) -> Mapping[Operation, Any]:
    """All that the service says it can do, by path and method."""
    paths = ask(service, "/openapi.json").json()["paths"]
    return {(path, method.upper()): told for path, methods in paths.items() for method, told in methods.items()}


def ask(service: httpx.Client, path: str, key: str | None = None, method: str = "GET") -> httpx.Response:
    return service.request(method, path, headers={"X-API-Key": key} if key else {})


@pytest.mark.parametrize("name", ROLES)
def test_all_that_a_role_says_it_can_do_takes_a_key_that_is_good_for_it(services: Services, name: str) -> None:
    for (path, method), told in operations(services[name]).items():
        need = NEEDS[path][method]
        place = path.replace("{", "").replace("}", "")
        refused = ask(services[name], place, method=method).status_code
        if need == NOTHING:
            assert "security" not in told
            assert refused not in {401, 403}
            continue
        assert told["security"] == [{"bearer": [need]}, {"apiKey": [need]}, {}]
        assert refused == 401, (path, method)
        for scope, (key, _) in KEYS.items():
            status = ask(services[name], place, key, method).status_code
            assert (status == 403) == (scope != need), (path, method, scope, status)
            assert status < 500


def test_a_key_that_is_revoked_is_refused_by_running_roles(services: Services, env: dict[str, str]) -> None:
    path = Path(env["TRANCHE_API_KEYS"])
    before = path.read_bytes()
    key, revoked = KEYS[Scope.OPERATIONS]
    write_key_file(path, [record for record in read_key_file(path) if record.id != revoked.id])
    try:
        assert all(becomes(service, key, 401) for service in services.values())
    finally:
        path.write_bytes(before)
    assert all(becomes(service, key, 200) for service in services.values())


def becomes(service: httpx.Client, key: str, status: int) -> bool:
    return holds_within(10, lambda: ask(service, "/metrics", key).status_code == status)


@pytest.mark.parametrize("name", ROLES)
def test_no_role_listens_beyond_this_machine_without_keys(env: dict[str, str], name: str) -> None:
    told = os.environ | env | {"TRANCHE_HOST": "0.0.0.0", "TRANCHE_API_KEYS": ""}  # noqa: S104
    done = subprocess.run([TRANCHE, name], env=told, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tranche: refusing to listen on 0.0.0.0 without API keys")
    assert len(done.stderr.splitlines()) == 1


def test_a_role_does_not_start_with_a_file_that_it_cannot_read(env: dict[str, str], tmp_path: Path) -> None:
    told = os.environ | env | {"TRANCHE_API_KEYS": str(tmp_path / "none.yaml")}
    done = subprocess.run([TRANCHE, "collector"], env=told, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (1, f"tranche: {tmp_path}/none.yaml: No such file or directory\n")
