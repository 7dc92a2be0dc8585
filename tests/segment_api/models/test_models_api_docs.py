"""What docs/models-api.md shows can be done, and is complete."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import get_args

import httpx
import orjson

from services.runtime.access.needs import NEEDS
from services.segment_api.models.views import State
from tests.segment_api.models.trainer import CLUSTERS, Trainer

PAGE = (Path(__file__).parents[3] / "docs" / "models-api.md").read_text()


def test_every_call_is_in_the_table() -> None:
    calls = set(re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", PAGE, re.MULTILINE))
    assert calls == {(method, path) for path in NEEDS if "/models" in path for method in NEEDS[path]}


def test_every_state_is_told() -> None:
    assert re.findall(r"^\| `([a-z ]+)` \|", PAGE, re.MULTILINE) == ["state", *get_args(State)]


async def test_the_commands_of_the_page_work(client: httpx.AsyncClient, trainer: Trainer) -> None:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    readers = orjson.loads(text)
    commands = [shlex.split(line) for line in re.findall(r"^\$ curl (.*)$", PAGE, re.MULTILINE)]
    assert len(commands) == 6
    for words in commands:
        (url,) = (word.removeprefix("http://127.0.0.1:8080") for word in words if word.startswith("http"))
        body = words[words.index("-d") + 1] if "-d" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
        content = text if body == "@readers.json" else body
        response = await client.request(method, url, content=content)
        assert response.is_success, (words, response.text)
        if response.status_code == 201:
            for number in (41, 42):
                await trainer.learn("readers", readers, number, replace(CLUSTERS, centres=((0.0, 0.0), (1.0, 1.0))))
