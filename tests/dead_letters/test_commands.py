"""`tranche dlq …` as an operator uses it."""

import asyncio
from base64 import b64decode
from collections.abc import Callable

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.commands.dlq import app
from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedWriter
from services.runtime.event_log.port import DeadLetter
from services.runtime.redis_client import connect

SECRET = b'{"user_id": "u-secret"'
LETTERS = [
    DeadLetter("not JSON: at character 7", 3, 17, b"u-secret", SECRET),
    DeadLetter("type: \x1b[2J wrong", 1, 5, b"k", b"\xff\x1b]0;"),
    DeadLetter("not JSON either", 3, 18, b"k", b"x" * 5_000),
]


@pytest.fixture
def dlq(clean_redis_url: str) -> Callable[..., Result]:
    """Run the command on a log with three letters."""
    asyncio.run(put_aside(clean_redis_url))
    env = {"TRANCHE_REDIS_URL": clean_redis_url, "TRANCHE_PARTITIONS": "4", "COLUMNS": "240"}
    return lambda *words, answer=None: CliRunner().invoke(app, words, env=env, input=answer)


async def put_aside(url: str) -> None:
    writer = EmbeddedWriter(connect(url, timeout_s=5))
    await writer.dead_letter(LETTERS)
    await writer.close()


def ends(url: str) -> dict[int, int]:
    async def ask() -> dict[int, int]:
        offsets = EmbeddedOffsets(connect(url, timeout_s=5), 4)
        try:
            return await offsets.ends()
        finally:
            await offsets.close()

    return asyncio.run(ask())


def test_letters_are_listed_without_what_tells_of_users(dlq: Callable[..., Result]) -> None:
    shown = dlq("list")
    assert shown.exit_code == 0
    assert [line.split()[2:5] for line in shown.stdout.splitlines()[1:4]] == [
        ["3", "17", "22"],
        ["1", "5", "5"],
        ["3", "18", "5,000"],
    ]
    assert "not JSON: at character 7" in shown.stdout
    assert "secret" not in shown.stdout
    assert "\x1b" not in shown.stdout, "nothing in a letter may speak to the terminal"


def test_values_are_shown_when_asked_for_and_harm_no_terminal(dlq: Callable[..., Result]) -> None:
    shown = dlq("list", "--values")
    assert SECRET.decode() in shown.stdout
    assert "\x1b" not in shown.stdout


def test_json_tells_each_letter_on_a_line(dlq: Callable[..., Result]) -> None:
    plain = [orjson.loads(line) for line in dlq("list", "--json").stdout.splitlines()]
    assert [(each["partition"], each["offset"], each["reason"], each["bytes"]) for each in plain] == [
        (each.partition, each.offset, each.reason, len(each.value)) for each in LETTERS
    ]
    assert all(each.keys() == {"put_aside", "partition", "offset", "bytes", "reason"} for each in plain)
    whole = [orjson.loads(line) for line in dlq("list", "--json", "--values").stdout.splitlines()]
    assert [(b64decode(each["key"]), b64decode(each["value"])) for each in whole] == [
        (each.key, each.value) for each in LETTERS
    ]


def test_a_list_can_be_narrowed(dlq: Callable[..., Result]) -> None:
    assert len(dlq("list", "--json", "--reason", "json").stdout.splitlines()) == 2
    assert len(dlq("list", "--json", "--partition", "1").stdout.splitlines()) == 1
    short = dlq("list", "--limit", "2").stdout.splitlines()
    assert len(short) == 4
    assert "more than these 2" in short[-1]
    assert "more" not in dlq("list", "--limit", "3").stdout


def test_a_replay_asks_first_and_takes_what_is_named(dlq: Callable[..., Result], clean_redis_url: str) -> None:
    refused = dlq("replay", "--partition", "3", "--offset", "17", answer="n\n")
    assert refused.exit_code == 1
    assert "Append 1 dead letter to the event log again?" in refused.stdout
    assert sum(ends(clean_redis_url).values()) == 0
    done = dlq("replay", "--partition", "3", "--offset", "17", answer="y\n")
    assert done.exit_code == 0
    assert "Replayed 1 dead letter." in done.stdout
    assert "1 dead letter cannot be read by this version either" in done.stdout
    assert ends(clean_redis_url) == {0: 0, 1: 0, 2: 0, 3: 1}
    assert dlq("replay", "--all", "--yes").exit_code == 0
    assert ends(clean_redis_url) == {0: 0, 1: 1, 2: 0, 3: 2}
    assert "No dead letters." in dlq("list").stdout
    assert dlq("replay", "--all", "--yes").exit_code == 1


@pytest.mark.parametrize("words", [["--yes"], ["--all", "--partition", "3", "--yes"]])
def test_a_replay_is_told_which_letters_it_is_about(
    dlq: Callable[..., Result], clean_redis_url: str, words: list[str]
) -> None:
    assert dlq("replay", *words).exit_code == 2
    assert sum(ends(clean_redis_url).values()) == 0
