"""`tranche rules check`: what is wrong with a file of segments, or with one rule, before anybody meets it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from services.rule_tools.complaint import complaint
from services.rule_tools.segments_file import WrittenSegment, read_segments
from services.runtime.segments_file import BadSegmentsFile
from services.segmentation.anatomy import segments_in
from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition, TooManySegments
from services.segmentation.composition import Uses, objection
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.lint import lint
from services.segmentation.rules.parse import parse

STDIN = Path("-")
OF_SEGMENTS = {".yaml", ".yml", ".json"}
"""Endings of files of segments; any other file holds one rule."""


@dataclass(slots=True)
class Finding:
    """What there is to say of one segment or rule."""

    name: str
    errors: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)


def check_file(path: Path, keep: str, console: Console) -> int:
    """Print what is wrong with a file, and return the exit code: 1 where anything is. Raises OperatorError."""
    names = KeepList.parse(keep)
    findings = _of_segments(path, names) if path.suffix in OF_SEGMENTS else [_of_rule(path, names)]
    for finding in findings:
        _show(finding, console)
    wrong = sum(bool(finding.errors) for finding in findings)
    doubtful = sum(bool(finding.warnings) for finding in findings)
    _print(console, f"{len(findings):,} checked: {wrong:,} with errors, {doubtful:,} with warnings")
    return 1 if wrong else 0


def _of_rule(path: Path, keep: KeepList) -> Finding:
    rule = (sys.stdin.read() if path == STDIN else _text(path)).rstrip()
    finding = Finding(str(path))
    _check_rule(rule, keep, finding)
    return finding


def _of_segments(path: Path, keep: KeepList) -> list[Finding]:
    segments = read_segments(path)
    uses = {segment.id: _uses(segment.rule) for segment in segments}
    findings = [_of_segment(path, segment, keep, uses) for segment in segments]
    if not any(finding.errors for finding in findings):
        findings += _of_all(path, segments, keep)
    return findings


def _of_segment(path: Path, segment: WrittenSegment, keep: KeepList, uses: Uses) -> Finding:
    finding = Finding(f"{segment.id} ({path}:{segment.line})")
    finding.errors += [Text(f"  {each}") for each in segment.complaints]
    if segment.rule:
        _check_rule(segment.rule, keep, finding, segment.id, uses)
    return finding


def _of_all(path: Path, segments: Sequence[WrittenSegment], keep: KeepList) -> Iterator[Finding]:
    """What is only wrong with all of them together, such as a composition that is too deep."""
    definitions = {segment.id: SegmentDefinition.model_validate(segment.content) for segment in segments}
    try:
        Catalog().put_all(definitions, keep)
    except (BadRule, TooManySegments) as error:
        yield Finding(str(path), [Text(f"  {error}")])


def _check_rule(rule: str, keep: KeepList, finding: Finding, segment_id: str = "", uses: Uses | None = None) -> None:
    try:
        read = parse(rule, keep, (lambda _: None) if uses is None else objection(segment_id, uses))
    except RuleError as error:
        finding.errors.append(complaint(error))
    else:
        finding.warnings += [Text(f"  {caution}") for caution in lint(read)]


def _uses(rule: str | None) -> Sequence[str]:
    """The segments that a rule names; none where it cannot be read."""
    try:
        return segments_in(parse(rule or ""))
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
