"""How the product starts as its first user starts it, and what it refuses to start with."""

import time
from pathlib import Path

from services.cli import STARTER_SEGMENTS
from tests.behaviour.conftest import EMBEDDED
from tests.behaviour.product import Product, running


def test_the_defaults_serve_the_starter_segments_with_several_workers(data_dir: Path) -> None:
    with running(Product(data_dir, {}, workers=2), "--segments", str(STARTER_SEGMENTS)) as product:
        assert len(product.status()["partitions"]) == 64
        assert len(product.roles("worker")) == 2
        now_ms = time.time_ns() // 1_000_000
        users = [f"u-{number}" for number in range(200)]
        product.send([{"event_id": "1", "user_id": user, "type": "add_to_cart", "ts": now_ms} for user in users])
        product.wait_applied()
        product.wait_refreshed()
        found = product.lookup_many(users, now_ms)
        assert all("in-cart-now" in [each["id"] for each in found[user]["segments"]] for user in users)


def test_an_edit_outlives_the_api_that_took_it_though_the_file_says_otherwise(data_dir: Path) -> None:
    file = data_dir.parent / "segments.yaml"
    file.write_text("segments: {a: {name: A, rule: tenure() >= '1h'}, b: {name: B, rule: tenure() >= '1h'}}")
    with running(Product(data_dir, EMBEDDED), "--segments", str(file)) as product:
        product.put("a", "tenure() >= '2h'")
        product.delete("b")
        product.kill("api")
        product.wait_refreshed()
        [segment] = product.api.get("/v1/segments").json()["segments"]
        assert (segment["id"], segment["rule"]) == ("a", "tenure() >= '2h'")


def test_another_number_of_partitions_than_the_data_has_is_refused(data_dir: Path) -> None:
    with running(Product(data_dir, EMBEDDED)):
        pass
    message = Product(data_dir, {"TRANCHE_PARTITIONS": "16"}).refusal()
    assert "the stored state has 8 partitions and TRANCHE_PARTITIONS is 16" in message


def test_a_bad_file_of_segments_is_refused(data_dir: Path) -> None:
    file = data_dir.parent / "segments.yaml"
    file.write_text("segments: {a: {name: A, rule: cuont('view') > 1}}")
    assert "segment a: line 1, column 1" in Product(data_dir, EMBEDDED).refusal("--segments", str(file))


def test_a_data_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    product = Product(tmp_path, EMBEDDED)
    (tmp_path / "logs").write_text("in the way")
    assert product.refusal().startswith("the data folder cannot be used: ")
