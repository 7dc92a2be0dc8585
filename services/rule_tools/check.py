"""`tranche rules check`: what is wrong with a file of segments, or with one rule, before anybody meets it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from services.rule_tools.complaint import complaint
from services.rule_tools.models import read_registry
from services.rule_tools.segments_file import WrittenSegment, read_segments
from services.runtime.segments_file import BadSegmentsFile
from services.segmentation.anatomy import segments_in
from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition, TooManySegments
from services.segmentation.composition import Uses, objection
from services.segmentation.keep import KeepList
from services.segmentation.models.registry import Registry
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.lint import lint
from services.segmentation.rules.parse import parse
from services.segmentation.rules.vocabulary import Vocabulary

STDIN = Path("-")
OF_SEGMENTS = {".yaml", ".yml", ".json"}
"""Endings of files of segments; any other file holds one rule."""


@dataclass(slots=True)
class Finding:
    """What there is to say of one segment or rule."""

    name: str
    errors: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)


def check_file(path: Path, keep: str, console: Console, models: Path | None = None) -> int:
    """Print what is wrong with a file, and return the exit code: 1 where anything is. Raises OperatorError.

    `models` is the file of the models that rules may name.
    """
    kept = KeepList.parse(keep)
    registry = read_registry(models, kept)
    known = Vocabulary(kept, models=registry.kinds)
    findings = _of_segments(path, known, registry) if path.suffix in OF_SEGMENTS else [_of_rule(path, known)]
    for finding in findings:
        _show(finding, console)
    wrong = sum(bool(finding.errors) for finding in findings)
    doubtful = sum(bool(finding.warnings) for finding in findings)
    _print(console, f"{len(findings):,} checked: {wrong:,} with errors, {doubtful:,} with warnings")
    return 1 if wrong else 0


def _of_rule(path: Path, known: Vocabulary) -> Finding:
    rule = (sys.stdin.read() if path == STDIN else _text(path)).rstrip()
    finding = Finding(str(path))
    _check_rule(rule, known, finding)
    return finding


def _of_segments(path: Path, known: Vocabulary, registry: Registry) -> list[Finding]:
    segments = read_segments(path)
    uses = {segment.id: _uses(segment.rule) for segment in segments}
    findings = [_of_segment(path, segment, known, uses) for segment in segments]
    if not any(finding.errors for finding in findings):
        findings += _of_all(path, segments, known, registry)
    return findings


def _of_segment(path: Path, segment: WrittenSegment, known: Vocabulary, uses: Uses) -> Finding:
    finding = Finding(f"{segment.id} ({path}:{segment.line})")
    finding.errors += [Text(f"  {each}") for each in segment.complaints]
    if segment.rule:
        object_to = objection(segment.id, uses)
        _check_rule(segment.rule, replace(known, object_to_segment=object_to), finding)
    return finding


def _of_all(path: Path, segments: Sequence[WrittenSegment], known: Vocabulary, registry: Registry) -> Iterator[Finding]:
    """What is only wrong with all of them together, such as a composition that is too deep."""
    definitions = {segment.id: SegmentDefinition.model_validate(segment.content) for segment in segments}
    try:
        Catalog(registry=registry).put_all(definitions, known.keep)
    except (BadRule, TooManySegments) as error:
        yield Finding(str(path), [Text(f"  {error}")])


def _check_rule(rule: str, known: Vocabulary, finding: Finding) -> None:
    try:
        read = parse(rule, known.keep, known.object_to_segment, known.models)
    except RuleError as error:
        finding.errors.append(complaint(error))
    else:
        finding.warnings += [Text(f"  {caution}") for caution in lint(read)]


def _uses(rule: str | None) -> Sequence[str]:
    """The segments that a rule names; none where it cannot be read."""
    try:
        return segments_in(parse(rule or "", models=None))
    except RuleError:
        return ()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSegmentsFile(f"{path}: {error}") from None


def _show(finding: Finding, console: Console) -> None:
    style, mark = ("red", "✗") if finding.errors else ("yellow", "!") if finding.warnings else ("green", "✓")
    _print(console, Text.assemble((f"{mark} ", style), finding.name))
    for text in (*finding.errors, *finding.warnings):
        _print(console, text)


def _print(console: Console, text: Text | str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
