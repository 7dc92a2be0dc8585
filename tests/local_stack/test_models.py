"""The models of a file: they learn from events that are sent, and what they say is looked up."""

import json
import time
from pathlib import Path

import psutil

from services.local_stack.child_process import holds_within
from tests.behaviour.product import PATIENCE_S, Product, running

MODELS = {
    "m": {
        "name": "Groups",
        "kind": "cluster",
        "warm_up": 50,
        "publish_every": 50,
        "sample_every": "1s",
        "parameters": {"n_clusters": 2},
        "features": {"views": 'count("view")', "carts": 'count("cart")'},
    }
}
SEGMENTS = {"grouped": {"name": "Grouped", "rule": 'cluster("m") in ["c1", "c2"]'}}


def test_models_of_a_file_learn_and_a_trainer_that_is_killed_comes_back(tmp_path: Path) -> None:
    models, segments = tmp_path / "models.yaml", tmp_path / "segments.yaml"
    models.write_text(json.dumps({"models": MODELS}))
    segments.write_text(json.dumps({"segments": SEGMENTS}))
    env = {"TRANCHE_PARTITIONS": "2", "TRANCHE_PUBLISH_SECONDS": "0"}
    with running(Product(tmp_path / "data", env), "--models", str(models), "--segments", str(segments)) as product:
        product.wait_refreshed()  # the worker knows of the models then
        send(product, 0)
        assert holds_within(PATIENCE_S, lambda: live(product) >= 1), product.condition()
        kill_it(product)
        before = live(product)
        send(product, 200)
        assert holds_within(PATIENCE_S, lambda: live(product) > before), product.condition()
        product.wait_refreshed()
        now_ms = time.time_ns() // 1_000_000
        assert "grouped" in [each["id"] for each in product.lookup_many(["u-3"], now_ms)["u-3"]["segments"]]


def kill_it(product: Product) -> None:
    [trainer] = product.roles("trainer")
    trainer.kill()
    assert holds_within(PATIENCE_S, lambda: other_than(product, trainer)), product.condition()


def other_than(product: Product, trainer: psutil.Process) -> bool:
    return [each.pid for each in product.roles("trainer")] not in ([], [trainer.pid])


def send(product: Product, first: int, users: int = 200) -> None:
    """Half of them view, half of them also buy."""
    now_ms = time.time_ns() // 1_000_000
    events = [
        {"event_id": f"{user}-{kind}", "user_id": f"u-{user}", "type": kind, "ts": now_ms - 1_000}
        for user in range(first, first + users)
        for kind in ("view", "cart")[: 1 + user % 2]
    ]
    product.send(events)
    product.wait_applied()


def live(product: Product) -> int:
    told = product.api.get("/v1/models/m").json()["live"]
    return int(told["number"]) if told else 0
