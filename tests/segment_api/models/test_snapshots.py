"""Back to an earlier snapshot in one call, and onwards again."""

import httpx
import pytest

from services.runtime.problems import ProblemError
from services.segment_api.models.edits import ModelEdits
from services.segment_api.models.learned import Learned
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.snapshots import Trained
from services.segmentation.wire import keys
from tests.segment_api.models.test_models import details, put_model
from tests.segment_api.models.trainer import CLASSES, CLUSTERS, PEOPLE, SPENT, SWAPPED, Trainer
from tests.segment_api.running import client_of, problem


@pytest.fixture
async def trained(client: httpx.AsyncClient, trainer: Trainer) -> Trainer:
    """Two snapshots, the second of them live."""
    await put_model(client, "people", PEOPLE)
    await trainer.learn("people", PEOPLE, 1, CLUSTERS)
    await trainer.learn("people", PEOPLE, 2, SWAPPED)
    return trainer


async def roll_back(client: httpx.AsyncClient, version: object, model_id: str = "people") -> httpx.Response:
    return await client.put(f"/v1/models/{model_id}/snapshot", json={"version": version})


@pytest.mark.usefixtures("trained")
async def test_a_model_is_rolled_back_in_one_call(client: httpx.AsyncClient) -> None:
    before = await details(client, "people")
    answer = await roll_back(client, 1)
    assert answer.status_code == 200
    told = await details(client, "people")
    assert {name: told[name] for name in answer.json()} == answer.json()
    assert (told["state"], told["pinned"], told["live"]["number"]) == ("rolled back", True, 1)
    assert (told["live"]["samples"], told["version"]) == (10, before["version"])
    assert answer.headers["Catalog-Version"] == str(told["live"]["since"])
    assert told["live"]["since"] > before["live"]["since"]


@pytest.mark.usefixtures("trained")
async def test_it_can_be_kept_to_the_snapshot_that_is_live(client: httpx.AsyncClient) -> None:
    before = await details(client, "people")
    after = (await roll_back(client, 2)).json()
    assert (after["pinned"], after["live"]) == (True, before["live"])


async def test_nothing_goes_live_until_it_is_released(client: httpx.AsyncClient, trained: Trainer) -> None:
    await roll_back(client, 1)
    await trained.learn("people", PEOPLE, 3, SWAPPED)
    assert (await details(client, "people"))["live"]["number"] == 1
    released = await client.delete("/v1/models/people/snapshot")
    assert (released.status_code, released.content) == (204, b"")
    told = await details(client, "people")
    assert (told["state"], told["pinned"], told["live"]["number"]) == ("live", False, 1)
    assert (await client.get("/v1/models", params={"min_catalog": released.headers["Catalog-Version"]})).is_success
    await trained.publish("people", 3)
    assert (await details(client, "people"))["live"]["number"] == 3


@pytest.mark.usefixtures("trained")
async def test_releasing_what_is_not_pinned_changes_nothing(client: httpx.AsyncClient) -> None:
    version = (await client.get("/v1/models")).json()["catalog_version"]
    released = await client.delete("/v1/models/people/snapshot")
    assert (released.status_code, released.headers["Catalog-Version"]) == (204, str(version))


@pytest.mark.usefixtures("trained")
async def test_a_snapshot_that_is_not_stored_is_not_found(client: httpx.AsyncClient) -> None:
    for response in (
        await roll_back(client, 3),
        await roll_back(client, 1, "nobody"),
        await client.delete("/v1/models/nobody/snapshot"),
    ):
        assert problem(response)["status"] == 404
    assert (await details(client, "people"))["live"]["number"] == 2


async def test_a_snapshot_by_which_nothing_could_be_said_is_refused(
    client: httpx.AsyncClient, trained: Trainer
) -> None:
    await trained.write("people", 3, b'{"definition": {}}')
    await trained.store("people", SPENT, 4, CLASSES)  # of another model that had the id before
    assert problem(await roll_back(client, 3))["status"] == 409
    assert problem(await roll_back(client, 4))["status"] == 404
    assert (await details(client, "people"))["live"]["number"] == 2


@pytest.mark.usefixtures("trained")
async def test_a_version_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    for version in (0, -1, "1", 1.5, True, None, [1], 10**30):
        assert problem(await roll_back(client, version))["status"] == 422, version


@pytest.mark.usefixtures("trained")
async def test_every_process_goes_back(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    async with client_of(settings) as other:
        version = (await roll_back(client, 1)).headers["Catalog-Version"]
        told = (await other.get("/v1/models/people", params={"min_catalog": version})).json()
    assert (told["pinned"], told["live"]["number"]) == (True, 1)


async def test_a_snapshot_that_goes_while_it_is_looked_at_is_not_pinned(
    client: httpx.AsyncClient, trained: Trainer
) -> None:
    class Trimmed(Learned):
        async def snapshot(self, model_id: str, number: int) -> Trained | None:
            found = await super().snapshot(model_id, number)
            await trained.redis.hdel(keys.snapshots(model_id), str(number))
            return found

    store = CatalogStore(trained.redis, watched_catalog(trained.redis))
    with pytest.raises(ProblemError, match="no snapshot") as raised:
        await ModelEdits(store, KEEP_ALL, Trimmed(trained.redis)).pin("people", 1)
    assert raised.value.status == 404
    assert (await details(client, "people"))["pinned"] is False
