"""What docs/models.md shows can be done, and says what is not there yet."""

import io
import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined
from rich.console import Console
from typer.testing import CliRunner

from services.cli import app
from services.model_tools.check import check_models
from services.model_tools.models_file import read_model_definitions
from services.runtime.settings import DEFAULT_KEEP
from services.segmentation.models.definition import ClusterModel

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_without_a_fault(tmp_path: Path, example: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(example)
    console = Console(file=io.StringIO(), width=100)
    code = check_models(path, ROOT / "deploy" / "segments.yaml", DEFAULT_KEEP, console)
    assert isinstance(console.file, io.StringIO)
    assert code == 0, console.file.getvalue()
    assert "0 with warnings" in console.file.getvalue()


def test_there_is_an_example_of_each_kind(tmp_path: Path) -> None:
    kinds = set()
    for example in [*EXAMPLES, (ROOT / "deploy" / "models.yaml").read_text()]:
        (tmp_path / "models.yaml").write_text(example)
        kinds |= {each.kind for each in read_model_definitions(tmp_path / "models.yaml").values()}
    assert kinds == {"cluster", "rfm", "lookalike", "propensity", "anomaly"}


def test_defaults_are_those_of_the_definition() -> None:
    rows = dict(re.findall(r"^\| `(among|sample_every|warm_up|publish_every)` \| (.+?) \|", PAGE, re.MULTILINE))
    told = {name: value.strip("`").replace(",", "") for name, value in rows.items()}
    fields = ClusterModel.model_fields
    assert told == {"among": "everybody", **{name: str(fields[name].default) for name in rows if name != "among"}}
    assert fields["among"].default is None
    assert fields["minimum_share"].default not in (PydanticUndefined, None)
    assert f"({fields['minimum_share'].default:.0%} by default)".replace("%", " %") in PAGE


def test_every_option_that_is_named_exists() -> None:
    for command in ("check", "train", "report"):
        helped = CliRunner().invoke(app, ["models", command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
        (row,) = re.findall(rf"^\| `tranche models {command}([^`]*)`", PAGE, re.MULTILINE)
        for option in re.findall(r"--[a-z]+", row):
            assert option in helped, (command, option)
