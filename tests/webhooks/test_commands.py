"""`tranche webhooks test`, and what the documentation tells receivers to do."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from services.commands.webhooks import app
from services.webhooks.hooks_file import BadHooksFile
from services.webhooks.sample import NoSuchWebhook
from tests.webhooks.receiver import SECRET

DOCUMENT = Path(__file__).parents[2] / "docs/webhooks.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "webhooks.yaml"


def run(file: Path, hook_id: str, port: int) -> Any:
    hook = {"id": "crm", "url": f"http://127.0.0.1:{port}/", "secret": SECRET}
    file.write_text(yaml.safe_dump({"webhooks": [hook]}))
    return CliRunner().invoke(app, ["test", hook_id], env={"TRANCHE_WEBHOOKS": str(file)})


class Once:
    """A receiver that answers one request, in a thread."""

    def __init__(self, status: int) -> None:
        self.headers: Mapping[str, str] = {}
        self.body = b""
        once = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                once.headers = {name.lower(): value for name, value in self.headers.items()}
                once.body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.handle_request)

    def __enter__(self) -> "Once":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._server.server_close()


def test_a_sample_is_sent_and_the_answer_shown(file: Path) -> None:
    with Once(200) as receiver:
        done = run(file, "crm", receiver.port)
    assert (done.exit_code, done.stdout) == (0, "webhook crm: accepted; the answer is 200\n")
    body = orjson.loads(receiver.body)
    assert body["test"] is True
    assert [each["user_id"] for each in body["changes"]] == ["example-user"]
    with Once(403) as receiver:
        done = run(file, "crm", receiver.port)
    assert (done.exit_code, done.stdout) == (1, "webhook crm: not accepted; the answer is 403\n")


def test_a_webhook_that_is_not_in_the_file_is_told_apart(file: Path) -> None:
    assert isinstance(run(file, "dsp", 1).exception, NoSuchWebhook)
    assert isinstance(CliRunner().invoke(app, ["test", "crm"], env={"TRANCHE_WEBHOOKS": ""}).exception, BadHooksFile)


def test_the_documented_check_takes_what_is_ours_and_nothing_else(file: Path) -> None:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found
    namespace: dict[str, Any] = {}
    exec(found[1], namespace)  # noqa: S102 - our own document
    is_ours: Callable[[Mapping[str, str], bytes, str], bool] = namespace["is_ours"]
    with Once(200) as receiver:
        run(file, "crm", receiver.port)
    headers, body = receiver.headers, receiver.body
    assert is_ours(headers, body, SECRET)
    assert not is_ours(headers, body + b" ", SECRET)
    assert not is_ours({**headers, "webhook-id": "msg_2"}, body, SECRET)
    assert not is_ours(headers, body, "whsec_" + "A" * 32)
    old = str(int(time.time()) - 1_000)
    assert not is_ours({**headers, "webhook-timestamp": old}, body, SECRET)
