"""`tranche models check`: what is wrong with a file of models, before a recording is read for nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from rich.console import Console
from rich.text import Text

from services.model_tools.leaks import leaks
from services.model_tools.models_file import WrittenModel, read_models
from services.model_tools.named_segments import names_in, objections, read_catalog, untold
from services.model_tools.words import summary
from services.rule_tools.complaint import complaint
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import LookalikeModel, ModelDefinition, RfmModel
from services.segmentation.models.features import BadFeature, Features
from services.segmentation.models.recipes import recipe_of
from services.segmentation.training import opening


@dataclass(slots=True)
class Finding:
    """What there is to say of one model."""

    name: str
    about: str = ""
    errors: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)


def check_models(path: Path, segments: Path | None, keep: str, console: Console) -> int:
    """Print what is wrong with a file, and return the exit code: 1 where anything is. Raises OperatorError."""
    kept = KeepList.parse(keep)
    models = read_models(path)
    known = {model.id: model.definition for model in models if not model.complaints}
    catalog = None if segments is None else read_catalog(segments, kept, known)
    findings = [_of_model(path, model, catalog, kept) for model in models]
    for finding in findings:
        _show(finding, console)
    wrong = sum(bool(finding.errors) for finding in findings)
    doubtful = sum(bool(finding.warnings) for finding in findings)
    _print(console, f"{len(findings):,} checked: {wrong:,} with errors, {doubtful:,} with warnings")
    return 1 if wrong else 0


def _of_model(path: Path, model: WrittenModel, catalog: Catalog | None, keep: KeepList) -> Finding:
    finding = Finding(f"{model.id} ({path}:{model.line})")
    finding.errors += [Text(f"  {each}") for each in model.complaints]
    if not finding.errors:
        definition = model.definition
        finding.about = summary(definition)
        finding.errors += _errors(model.id, definition, catalog, keep)
        finding.warnings += _warnings(definition, catalog)
        if not finding.errors and catalog is not None:
            finding.warnings += [Text(f"  {each}") for each in untold(definition, catalog)]
        if not finding.errors and catalog is not None and isinstance(definition, LookalikeModel):
            finding.warnings += [Text(f"  {each}") for each in leaks(definition, catalog, keep)]
    return finding


def _errors(model_id: str, definition: ModelDefinition, catalog: Catalog | None, keep: KeepList) -> Iterator[Text]:
    if catalog is not None:
        yield from (Text(f"  {each}") for each in objections(definition, catalog))
    bad = list(_bad_features(definition, keep))
    yield from bad
    if bad:
        return
    try:
        opening.begin(model_id, definition, recipe_of(definition, keep).names)
    except ValueError as error:
        yield Text(f"  {error}")


def _bad_features(definition: ModelDefinition, keep: KeepList) -> Iterator[Text]:
    """Each of them, not only the first."""
    if isinstance(definition, RfmModel):
        try:
            recipe_of(definition, keep)
        except BadFeature as error:
            yield _of_feature(error)
        return
    for name, text in definition.features.items():
        try:
            Features.of({name: text}, keep)
        except BadFeature as error:
            yield _of_feature(error)


def _of_feature(error: BadFeature) -> Text:
    return Text("\n").join([Text(f"  feature {error.name}:"), complaint(error.error)])


def _warnings(definition: ModelDefinition, catalog: Catalog | None) -> Iterator[Text]:
    named = names_in(definition)
    if catalog is None and named:
        each = ", ".join(f"{field}: {name}" for field, name in named.items())
        yield Text(f"  not looked for, as no --segments says what there is: {each}")
    if not isinstance(definition, RfmModel):
        for (first, text), (second, other) in combinations(definition.features.items(), 2):
            if text.split() == other.split():
                yield Text(f"  {first} and {second} are the same, so that it counts twice")


def _show(finding: Finding, console: Console) -> None:
    style, mark = ("red", "✗") if finding.errors else ("yellow", "!") if finding.warnings else ("green", "✓")
    _print(console, Text.assemble((f"{mark} ", style), finding.name))
    if finding.about:
        _print(console, Text(f"  {finding.about}", style="dim"))
    for text in (*finding.errors, *finding.warnings):
        _print(console, text)


def _print(console: Console, text: Text | str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
