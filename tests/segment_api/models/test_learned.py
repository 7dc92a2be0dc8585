"""What a model has learned, as the API tells it: the live snapshot, the stored ones, and how far the training is."""

from dataclasses import asdict, replace

import httpx

from services.runtime.redis_client import connect
from services.segment_api.models.learned import Learned, Stored
from services.segment_api.settings import ApiSettings
from services.segmentation.wire import keys
from tests.segment_api.models.test_models import details, put_model, waiting
from tests.segment_api.models.trainer import (
    CLASSES,
    CLUSTERS,
    CURVE,
    LIKELY,
    PEOPLE,
    SPENT,
    SWAPPED,
    T,
    Trainer,
)
from tests.segment_api.running import metric, until


async def state_of(client: httpx.AsyncClient, model_id: str) -> str:
    (shown,) = [each for each in (await client.get("/v1/models")).json()["models"] if each["id"] == model_id]
    one = await details(client, model_id)
    assert {name: one[name] for name in shown} == shown
    return str(shown["state"])


async def test_a_model_waits_learns_and_is_live(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", PEOPLE)
    assert await state_of(client, "people") == "waiting for samples"
    await trainer.note("people", PEOPLE, samples=12)
    assert await state_of(client, "people") == "learning"
    assert (await details(client, "people"))["training"] == waiting() | {"samples": 12, "at": T}
    since = await trainer.learn("people", PEOPLE, 7, CLUSTERS)
    assert await state_of(client, "people") == "live"
    assert (await details(client, "people"))["live"] == {
        "number": 7,
        "since": since,
        "trained_at": T + 7,
        "samples": 70,
    }


async def test_a_model_with_another_definition_learns_anew(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", PEOPLE)
    await trainer.note("people", PEOPLE, samples=12)
    await trainer.learn("people", PEOPLE, 1, CLUSTERS)
    await put_model(client, "people", {**PEOPLE, "name": "Everybody", "warm_up": 50})
    assert await state_of(client, "people") == "live"
    other = {**PEOPLE, "features": {"known_for": "tenure()"}}
    await put_model(client, "people", other)
    assert await state_of(client, "people") == "learning anew"
    told = await details(client, "people")
    assert (told["live"]["number"], told["training"]["samples"]) == (1, 0)
    assert [set(vector) for vector in told["clusters"][1]["exemplars"]] == [{"views"}, {"views"}]
    await trainer.note("people", other, samples=3)
    await trainer.learn("people", other, 2, CLUSTERS)
    assert await state_of(client, "people") == "live"
    assert (await details(client, "people"))["training"]["samples"] == 3


async def test_clusters_are_told_with_all_that_is_known(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", {**PEOPLE, "cluster_names": {"c3": "Fans", "c2": "Gone"}})
    await trainer.learn("people", PEOPLE, 2, CLUSTERS)
    told = await details(client, "people")
    plain = {"name": "few views", "generated_name": "few views", "size": 30, "share": 0.75, "drift": 0.1}
    fans = {"name": "Fans", "generated_name": "many views", "size": 10, "share": 0.25, "drift": 0.0}
    assert told["clusters"] == [
        {"id": "c1", **plain, "silhouette": 0.5, "since_number": 1, "traits": [], "exemplars": []},
        {
            "id": "c3",
            **fans,
            "silhouette": 0.4,
            "since_number": 2,
            "traits": [{"feature": "views", "mean": 7.5, "lift": 3.0, "effect": 1.25}],
            "exemplars": [{"views": 2.0}, {"views": None}],
        },
    ]
    assert told["happenings"] == [{"number": 2, "at": T - 5, "what": "split", "cluster": "c3", "others": ["c1"]}]
    assert (told["classes"], told["curve"], told["weights"]) == (None, None, None)


async def test_classes_and_curves_are_told(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "spent", SPENT)
    await put_model(client, "likely", LIKELY)
    await trainer.learn("spent", SPENT, 1, CLASSES)
    await trainer.learn("likely", LIKELY, 1, CURVE)
    spent, likely = await details(client, "spent"), await details(client, "likely")
    bounds = {name: list(value) for name, value in asdict(CLASSES).items() if name != "moves"}
    assert (spent["classes"], spent["curve"], spent["clusters"]) == (bounds, None, None)
    assert (likely["classes"], likely["clusters"]) == (None, None)
    assert (likely["curve"], likely["weights"]) == ([[0.0, 0.0], [1.0, 1.0]], {"views": 1.0})


async def test_stored_snapshots_are_told_newest_first(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", PEOPLE)
    for number in (2, 9, 10):
        await trainer.store("people", PEOPLE, number, CLUSTERS)
    await trainer.write("people", 3, b"damaged")
    assert (await details(client, "people"))["stored"] == [
        {"number": 10, "at": T + 10, "samples": 100},
        {"number": 9, "at": T + 9, "samples": 90},
        {"number": 3, "at": None, "samples": None},
        {"number": 2, "at": T + 2, "samples": 20},
    ]


async def test_of_snapshots_only_the_ends_are_read(settings: ApiSettings, trainer: Trainer) -> None:
    await trainer.store("people", PEOPLE, 1, replace(CLUSTERS, happenings=CLUSTERS.happenings * 10_000))
    redis = connect(settings.redis_url, timeout_s=2)
    before = (await redis.info("stats"))["total_net_output_bytes"]
    assert await Learned(redis).stored("people") == [Stored(1, T + 1, 10)]
    assert (await redis.info("stats"))["total_net_output_bytes"] - before < 20_000
    await redis.aclose()


async def test_what_the_trainer_tells_is_passed_on(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", PEOPLE)
    await trainer.tell(backlog=4_711)
    told = {"backlog": 4_711, "at": T}
    assert (await client.get("/v1/models")).json()["trainer"] == told
    assert (await details(client, "people"))["trainer"] == told


async def test_what_keeps_a_model_from_learning_is_told(client: httpx.AsyncClient, trainer: Trainer) -> None:
    for model_id in ("stopped", "fine", "new"):
        await put_model(client, model_id, PEOPLE)
    await trainer.redis.hset(keys.TRAININGS, items=["stopped", b"cannot be \xff", "fine", ""])
    models = (await client.get("/v1/models")).json()["models"]
    told = {each["id"]: each["training"]["complaint"] for each in models}
    assert told == {"fine": None, "new": None, "stopped": "cannot be \ufffd"}
    assert (await details(client, "stopped"))["training"]["complaint"] == told["stopped"]


async def test_what_the_trainer_left_and_cannot_be_read_is_unknown(client: httpx.AsyncClient, trainer: Trainer) -> None:
    await put_model(client, "people", PEOPLE)
    await trainer.note("people", PEOPLE, samples=12)
    for told in (b"", b"[]", b"{}", b'{"backlog": "x", "at_ms": 1}', b'{"backlog": 1e999, "at_ms": 1}', b"\xff"):
        await trainer.redis.hset(keys.training("people"), mapping={"samples": told, "at_ms": told})
        await trainer.redis.set(keys.TRAINER, told)
        await trainer.redis.hset(keys.snapshots("people"), told, told)
        shown = await details(client, "people")
        assert (shown["trainer"], shown["stored"], shown["training"]) == (None, [], waiting()), told


async def test_a_live_snapshot_that_is_gone_or_damaged_is_told_and_counted(
    client: httpx.AsyncClient, trainer: Trainer
) -> None:
    for model_id in ("gone", "damaged", "good"):
        await put_model(client, model_id, PEOPLE)
    assert await metric(client, "tranche_api_missing_snapshots") == 0
    await trainer.publish("gone", 1)
    await trainer.write("damaged", 1, b"{}")
    await trainer.publish("damaged", 1)
    await trainer.learn("good", PEOPLE, 1, SWAPPED)

    async def counted() -> bool:
        return await metric(client, "tranche_api_missing_snapshots") == 2

    await until(counted, 2)
    assert [await state_of(client, name) for name in ("gone", "damaged", "good")] == [
        "unreadable",
        "unreadable",
        "live",
    ]
    told = await details(client, "gone")
    assert told["live"] == {"number": 1, "since": told["live"]["since"], "trained_at": None, "samples": None}
    assert (told["clusters"], told["happenings"]) == (None, None)
