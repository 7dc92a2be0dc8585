"""The simulation finds what it is there to find: each of these defects fails one of some hundred seeds."""

from collections.abc import Callable
from importlib.resources import files
from unittest.mock import patch

import pytest

from services.stream_worker.cache import StateCache
from services.stream_worker.refresh import Refresher
from services.stream_worker.worker import Worker
from tests.simulation.run import run

SEEDS = 1_000
SCRIPT = files("services.stream_worker").joinpath("lua/apply.lua").read_text()


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        pytest.param(" or (redis.call('GET', KEYS[2]) or '') ~= ARGV[3]", "", id="a write after any other"),
        pytest.param("(redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] or ", "", id="a write from any watermark"),
        pytest.param("redis.call('SET', KEYS[1], ARGV[2])", "", id="a watermark that stays"),
        pytest.param("redis.call('SET', KEYS[2], ARGV[4])", "", id="a turn that stays"),
        pytest.param("redis.call('ZADD', KEYS[3], ARGV[at + 1], ARGV[at])", "", id="a user who is not listed"),
        pytest.param("redis.call('RPUSH', KEYS[4], space)", "", id="a space that is not remembered"),
        pytest.param("redis.call('DEL', KEYS[key])", "", id="sizes that are over and stay"),
        pytest.param("redis.call('DEL', KEYS[key + 1])", "", id="moments that are over and stay"),
        pytest.param("if ARGV[at + 2] ~= '' then", "do", id="a profile that is written though there is none"),
        pytest.param("redis.call('HSET', told, users[at], users[at + 1])", "", id="a change that is forgotten"),
        pytest.param("if added[1] > 0 then", "if false then", id="a change that does not wait to be published"),
    ],
)
def test_a_defect_of_the_script_is_found(line: str, instead: str) -> None:
    assert line in SCRIPT, "the script has changed: so must this test"
    assert is_found(lambda text: text.replace(line.encode(), instead.encode()))


def forget_nothing(owner: object, partitions: object) -> None:
    """What was believed of a partition outlives a write that was refused."""


async def put_nothing_aside(worker: Worker, partition: int, batch: object) -> None:
    """What belongs elsewhere is passed over."""


@pytest.mark.parametrize(
    ("owner", "name", "instead"),
    [
        (StateCache, "drop", forget_nothing),
        (Worker, "_put_aside", put_nothing_aside),
        (Refresher, "close", forget_nothing),
    ],
)
def test_a_defect_of_the_worker_is_found(owner: type, name: str, instead: Callable[..., object]) -> None:
    with patch.object(owner, name, instead):
        assert is_found()


def is_found(rewritten: Callable[[bytes], bytes] = lambda text: text) -> bool:
    return any(run(seed, rewritten=rewritten).error for seed in range(SEEDS))
