"""A Redis Cluster none of whose nodes can be reached, for which redis-py has an error of its own kind."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.runtime.event_log.embedded import EmbeddedOffsets
from services.runtime.event_log.port import LogUnavailable
from services.runtime.redis_client import connect
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, lookup, problem
from tests.support.ports import free_ports
from tests.support.servers import redis_cluster

TRANCHE = Path(sys.executable).with_name("tranche")


async def test_everything_answers_as_without_a_single_server(
    settings: ApiSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as cluster:
        url = cluster.enter_context(redis_cluster(tmp_path, nodes=1))[0].replace("redis://", "redis+cluster://")
        async with client_of(settings.model_copy(update={"redis_url": url})) as client:
            assert (await client.get("/readyz")).status_code == 200
            cluster.close()
            for _ in range(3):
                for path in ("/v1/status", "/v1/segments"):
                    response = await client.get(path)
                    assert response.status_code == 503, path
                    assert "cannot be used now" in problem(response)["detail"]
                assert problem(await client.get("/readyz"))["missing"] == ["Redis"]
                assert (await lookup(client, "u-1"))["degraded"] is True
    assert "unexpectedly" not in caplog.text


async def test_the_log_on_it_cannot_be_used_now() -> None:
    offsets = EmbeddedOffsets(connect(nobody(), timeout_s=1), 8)
    with pytest.raises(LogUnavailable):
        await offsets.ends()
    await offsets.close()


@pytest.mark.parametrize("role", ["api", "collector", "worker"])
def test_a_start_without_it_is_refused_in_words(role: str) -> None:
    started = subprocess.run(
        [str(TRANCHE), role],
        env={"TRANCHE_REDIS_URL": nobody()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 1
    assert "tranche: Redis at TRANCHE_REDIS_URL does not answer" in started.stderr
    assert "Traceback" not in started.stderr


def nobody() -> str:
    return f"redis+cluster://127.0.0.1:{free_ports(0)[0]}"
