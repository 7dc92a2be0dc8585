"""What the stack survives on one machine: stops, kills and silences of any of its processes."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
import pytest

from services.local_stack.child_process import holds_within
from tests.behaviour.conftest import EMBEDDED, kafka_env
from tests.behaviour.product import PATIENCE_S, Product, running
from tests.behaviour.test_events_to_segments import NOON_MS, event

STOP_WITHIN_S = 15.0
ALL_ROLES = ("collector", "api", "worker", "trainer")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """All embedded, with a segment for whoever viewed once."""
    with running(Product(tmp_path_factory.mktemp("up"), EMBEDDED)) as product:
        product.define(one="count('view') == 1")
        yield product


@pytest.mark.parametrize("log", ["embedded", "kafka"])
def test_a_stop_is_clean_and_a_new_start_goes_on_where_it_ended(
    request: pytest.FixtureRequest, data_dir: Path, log: str, space: str
) -> None:
    env = EMBEDDED | (kafka_env(request.getfixturevalue("kafka_bootstrap")) if log == "kafka" else {})
    product = Product(data_dir, env)
    with running(product):
        product.put("two", "count('view') == 2")
        product.send([event(space, "e-1")])
        product.wait_applied()
        family, began_s = product.children(), time.monotonic()
        assert len(family) == 1 + len(ALL_ROLES)
        assert product.stop() == 0
        assert time.monotonic() - began_s < STOP_WITHIN_S
        assert [each for each in family if each.is_running()] == []
    with running(product):
        product.send([event(space, "e-1"), event(space, "e-2")])
        product.wait_applied()
        assert product.segments("u-1", NOON_MS, space) == ["two"]


def test_nothing_is_left_when_the_command_itself_is_killed(data_dir: Path) -> None:
    product = Product(data_dir, EMBEDDED)
    product.start()
    family = product.children()
    psutil.Process(family[0].ppid()).kill()
    assert psutil.wait_procs(family, timeout=STOP_WITHIN_S)[1] == []
    with running(product):
        assert len(product.children()) == len(family)


@pytest.mark.parametrize("role", ALL_ROLES)
def test_a_killed_role_comes_back_and_serves(stack: Product, space: str, role: str) -> None:
    stack.send([event(space, "e-1")])
    stack.wait_applied()
    stack.kill(role)
    assert holds_within(PATIENCE_S, lambda: serves(stack))
    stack.send([event(space, "e-1"), event(space, "e-1", "u-2")])
    stack.wait_applied()
    assert [stack.segments(user, NOON_MS, space) for user in ("u-1", "u-2")] == [["one"], ["one"]]


def test_what_was_acknowledged_survives_a_killed_redis(stack: Product, space: str) -> None:
    users = [f"u-{number}" for number in range(300)]
    for user in users[:200]:
        stack.send([event(space, "e-1", user)])
    redis = stack.redis()
    redis.kill()
    assert holds_within(PATIENCE_S, lambda: serves(stack))
    assert stack.redis() != redis
    stack.send([event(space, "e-1", user) for user in users[100:]])
    stack.wait_applied()
    found = stack.lookup_many(users, NOON_MS, space)
    assert [[each["id"] for each in found[user]["segments"]] for user in users] == [["one"]] * len(users)


def test_lookups_answer_empty_while_redis_is_silent_and_rightly_when_it_is_back(stack: Product, space: str) -> None:
    stack.send([event(space, "e-1")])
    stack.wait_applied()
    redis, address = stack.redis(), "/v1/users/u-1/segments"
    redis.suspend()
    try:
        answers = [stack.api.get(address, params={"space": space}) for _ in range(20)]
        many = stack.api.post("/v1/lookup", json={"user_ids": ["u-1", "u-2"], "space": space})
        assert stack.api.get("/readyz").status_code == 503
    finally:
        redis.resume()
    assert {each.status_code for each in (*answers, many)} == {200}
    assert median(each.elapsed.total_seconds() for each in answers) < 0.25  # far from Redis' own timeout of 2 s
    assert all(each.json()["degraded"] and each.json()["segments"] == [] for each in answers)
    assert [(each["degraded"], each["segments"]) for each in many.json()["results"]] == [(True, [])] * 2
    assert stack.segments("u-1", NOON_MS, space) == ["one"]
    stack.send([event(space, "e-2")])
    stack.wait_applied()
    assert stack.segments("u-1", NOON_MS, space) == []


def test_the_second_start_on_the_same_data_is_refused(stack: Product) -> None:
    second = Product(stack.data_dir, EMBEDDED)
    second.log_path = stack.data_dir / "second.log"
    assert (
        second.refusal()
        == f"a Redis already runs on {stack.data_dir / 'redis'}: stop it, or choose another data folder"
    )
    assert serves(stack)


def test_a_port_that_another_product_serves_is_refused(stack: Product, data_dir: Path) -> None:
    message = Product(data_dir, EMBEDDED).refusal(api_port=stack.api_port)
    assert message == f"something already listens on port {stack.api_port}: stop it, or choose another port"


def serves(product: Product) -> bool:
    """Whether every role is there and ready."""
    if not all(product.roles(each) for each in ALL_ROLES):
        return False
    return product.is_ready(product.collector) and product.is_ready(product.api) and product.status()["lag"] == 0
