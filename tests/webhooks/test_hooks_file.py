"""What the file of webhooks may say, and that it tells nobody what is secret in it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.webhooks.hooks_file import BadHooksFile, read_hooks
from tests.webhooks.receiver import SECRET

ROOT = Path(__file__).parents[2]
HUSH = "hunter2"
GOOD = {"id": "crm", "url": f"https://example.com/hook?token={HUSH}", "secret": SECRET}
ENV: dict[str, str] = {"CRM_SECRET": SECRET}


def written(path: Path, *hooks: object) -> Path:
    file = path / "webhooks.yaml"
    file.write_text(yaml.safe_dump({"webhooks": list(hooks)}))
    return file


def refusal(file: Path) -> str:
    with pytest.raises(BadHooksFile) as refused:
        read_hooks(file, ENV)
    return str(refused.value)


def test_all_of_a_webhook_is_read(tmp_path: Path) -> None:
    more = {
        "segments": ["a", "b"],
        "spaces": ["shop"],
        "headers": {"Authorization": f"Bearer {HUSH}"},
        "max_batch": 7,
        "from": "beginning",
    }
    plain, full = read_hooks(written(tmp_path, GOOD, GOOD | more | {"id": "dsp"}), ENV)
    assert (plain.segments, plain.spaces, plain.max_batch, plain.begin) == (None, None, 100, "end")
    assert (full.segments, full.spaces) == (frozenset({"a", "b"}), frozenset({"shop"}))
    assert (full.max_batch, full.begin) == (7, "beginning")
    assert full.headers["Authorization"].get_secret_value() == f"Bearer {HUSH}"


def test_a_webhook_does_not_show_what_is_secret(tmp_path: Path) -> None:
    [hook] = read_hooks(written(tmp_path, GOOD | {"headers": {"Authorization": HUSH}}), ENV)
    shown = f"{hook!r} {hook} {hook.model_dump()} {hook.model_dump_json()}"
    assert HUSH not in shown
    assert SECRET not in shown


def test_the_secret_may_be_in_the_environment(tmp_path: Path) -> None:
    inside = {"id": "crm", "url": GOOD["url"], "secret_env": "CRM_SECRET"}
    [hook] = read_hooks(written(tmp_path, inside), ENV)
    assert hook.signing_key(ENV).sign("a", 1, b"") == hook.signing_key({"CRM_SECRET": SECRET}).sign("a", 1, b"")
    assert "DSP_SECRET is not set" in refusal(written(tmp_path, inside | {"secret_env": "DSP_SECRET"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": f"http://example.com/{HUSH}"}, "plain http"),
        ({"url": f"http://127.0.0.1.example.com/{HUSH}"}, "plain http"),
        ({"url": f"http://10.0.0.1/{HUSH}"}, "plain http"),
        ({"url": f"ftp://example.com/{HUSH}"}, "expected https"),
        ({"url": f"https:///{HUSH}"}, "expected https"),
        ({"url": f"https://user:{HUSH}@example.com"}, "neither a user"),
        ({"url": f"https://exa mple.com:{HUSH}"}, "url"),
        ({"secret": HUSH}, "secret"),
        ({"secret": f"whsec_{HUSH}"}, "secret"),
        ({"secret": None}, "either secret or secret_env"),
        ({"secret_env": "CRM_SECRET"}, "either secret or secret_env"),
        ({"id": f"No {HUSH}"}, "id"),
        ({"segments": [f"No {HUSH}"]}, "segments"),
        ({"spaces": HUSH}, "spaces"),
        ({"max_batch": 101}, "max_batch"),
        ({"max_batch": 0}, "max_batch"),
        ({"from": HUSH}, "from"),
        ({"headers": {"Webhook-Id": HUSH}}, "headers"),
        ({"headers": {"content-type": HUSH}}, "headers"),
        ({"headers": {"a b": HUSH}}, "headers"),
        ({"headers": {"a": f"{HUSH}\r\nb: c"}}, "headers"),
        ({"headers": {"a": f"{HUSH}é"}}, "headers"),
        ({"urls": [HUSH]}, "urls"),
    ],
)
def test_an_unfit_webhook_is_refused_without_its_values(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    message = refusal(written(tmp_path, GOOD | change))
    assert said in message
    assert HUSH not in message
    assert SECRET not in message


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "127.8.8.8"])
def test_plain_http_stays_on_this_machine(tmp_path: Path, host: str) -> None:
    assert read_hooks(written(tmp_path, GOOD | {"url": f"http://{host}/"}), ENV)


def test_plain_http_goes_further_when_allowed(tmp_path: Path) -> None:
    assert read_hooks(written(tmp_path, GOOD | {"url": "http://crm.internal/", "allow_http": True}), ENV)


def test_an_id_is_given_once(tmp_path: Path) -> None:
    assert "2 webhooks with the id crm" in refusal(written(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "webhooks: []",
        "hooks: []",
        f"webhooks:\n  - secret: *{HUSH}",
        f"webhooks: [{{secret: !{HUSH} x}}]",
        f"webhooks:\n - secret: '{HUSH}\n",
        f"webhooks:\n\t- {HUSH}",
        "webhooks: " + "[" * 500,
        "a: 2024-99-99",
    ],
)
def test_what_is_no_such_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text(text)
    assert HUSH not in refusal(file)


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.yaml")
    (tmp_path / "webhooks.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refusal(tmp_path / "webhooks.yaml")
    with pytest.raises(BadHooksFile, match="TRANCHE_WEBHOOKS"):
        read_hooks(None, ENV)


def test_the_example_is_good() -> None:
    env = {"TRANCHE_CRM_SECRET": SECRET, "TRANCHE_DSP_SECRET": SECRET}
    assert [hook.id for hook in read_hooks(ROOT / "deploy/webhooks.example.yaml", env)] == ["crm", "dsp", "local"]
