"""What the documents promise is there: every setting, metric, schema, link and file."""

import re
import subprocess
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry
from pydantic_core import PydanticUndefined

from services.collector.settings import CollectorSettings
from services.runtime.metrics import ApiMetrics, CollectorMetrics, WebhookMetrics, WorkerMetrics
from services.runtime.settings import Settings
from services.schemas import schemas
from services.segment_api.settings import ApiSettings
from services.segmentation.events import InvalidEvent, read_event
from services.stream_worker.settings import WorkerSettings
from services.trainer.metrics import TrainerMetrics
from services.trainer.settings import TrainerSettings
from services.webhooks.settings import WebhookSettings

ROOT = Path(__file__).parents[1]
EVERY_SETTINGS: list[type[Settings]] = [
    Settings,
    CollectorSettings,
    ApiSettings,
    WorkerSettings,
    TrainerSettings,
    WebhookSettings,
]
GOOD = {"event_id": "e", "user_id": "u", "type": "view"}


def every_setting() -> dict[str, str]:
    """Default by the name of the environment variable."""
    return {
        f"TRANCHE_{name.upper()}": "" if field.default in (None, PydanticUndefined) else str(field.default)
        for settings in EVERY_SETTINGS
        for name, field in settings.model_fields.items()
    }


def test_every_setting_is_documented_with_its_default_and_no_other_is() -> None:
    rows = re.findall(r"^\| `(TRANCHE_\w+)` \| (.*?) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert {name: default.strip("`") for name, default in rows} == every_setting()


def test_every_metric_is_documented_and_no_other_is() -> None:
    registry = CollectorRegistry()
    for metrics in (CollectorMetrics, ApiMetrics, WorkerMetrics, TrainerMetrics):
        metrics(registry)
    WebhookMetrics(registry, ["crm"])
    names = {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}
    documented = re.findall(r"^\| `(tranche_\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert set(documented) == names


def test_the_published_schemas_are_those_of_the_models() -> None:
    for name, schema in schemas().items():
        Draft202012Validator.check_schema(schema)
        assert orjson.loads((ROOT / "schemas" / name).read_bytes()) == schema, "run `make schemas`"


@pytest.mark.parametrize(
    "event",
    [
        GOOD,
        GOOD | {"ts": 5, "consent": {"purposes": [1]}, "properties": {"a": [1, None]}},
        GOOD | {"ts": "2024-11-22T01:46:40.123Z"},
        GOOD | {"user_id": "a@b"},
        GOOD | {"type": "View"},
        GOOD | {"more": 1},
        GOOD | {"consent": {"purposes": [64]}},
        GOOD | {"ts": 1.5},
        {"event_id": "e"},
    ],
)
def test_the_schema_of_an_event_and_its_reader_agree(event: dict[str, object]) -> None:
    valid = Draft202012Validator(schemas()["event.json"]).is_valid(event)
    try:
        read_event(event, 2_000_000_000_000)
    except InvalidEvent:
        assert not valid
    else:
        assert valid


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in ROOT.glob("**/*.md") if ".venv" not in path.parts), ids=str
)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
        assert (ROOT / page.parent / target).exists(), target


def test_the_readme_names_only_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", readme)) <= targets
    listed = subprocess.run([ROOT / ".venv/bin/tranche", "--help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"`tranche ([a-z]+)", readme))
    assert commands
    assert all(re.search(rf"\b{command}\b", listed) for command in commands)
