"""`tranche rules try`: a rule on recorded events. Reads what it is told, replays every user, has the result shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from services.rule_tools.complaint import complaint
from services.rule_tools.events_file import Recorded, read_events
from services.rule_tools.models import read_registry
from services.rule_tools.segments_file import read_definitions
from services.rule_tools.timeline import timeline
from services.rule_tools.trial import Trial
from services.rule_tools.try_report import Tried, document, show
from services.runtime.errors import OperatorError
from services.segmentation.catalog import BadRule, Catalog, SegmentDefinition
from services.segmentation.events import MAX_TS_MS, date_time_ms
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError
from services.segmentation.time_zones import TimeZones, zone_named

TRIED = "the-rule-that-is-tried"
NOW = "now"


class BadOption(OperatorError):
    """An option cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class TryOptions:
    rule: str
    events: Path
    keep: str
    time_zones: str
    """As the setting; the one of other spaces is that of the calendar and of what is shown, unless `zone` is given."""
    at: str | None = None
    """`now`, milliseconds since 1970 or a date-time; None for the latest moment in the file."""
    user_id: str | None = None
    zone: str | None = None
    request: Sequence[str] = ()
    """`path=value`, as in the query of a lookup."""
    segments: Path | None = None
    """A file of segments that the rule may name."""
    models: Path | None = None
    """A file of models that the rule and these segments may name."""
    trained: Path | None = None
    """The folder with what was trained of them."""
    as_json: bool = False


def try_rule(options: TryOptions, now_ms: int, console: Console) -> int:
    """Show when a rule is true, and return the exit code. Raises OperatorError."""
    keep = KeepList.parse(options.keep)
    catalog = Catalog(registry=read_registry(options.models, keep, options.trained))
    try:
        trial = _trial(options, catalog, keep)
    except RuleError as error:
        console.print(complaint(error), soft_wrap=True)
        return 1
    for note in _notes(trial.catalog):
        _complain(note)
    recorded = read_events(options.events, now_ms, options.user_id)
    if recorded.bad_lines:
        _complain(f"left out, for they hold no event: {recorded.bad_lines:,} lines; {recorded.complaint}")
    if not recorded.users:
        raise BadOption(f"{options.events}: no event" + (f" of user {options.user_id}" if options.user_id else ""))
    tried = _tried(trial, recorded, _at_ms(options.at, now_ms, recorded))
    if options.as_json:
        console.print(document(tried, options.rule), markup=False, highlight=False, soft_wrap=True)
    else:
        show(tried, trial.zone, console)
    return 0


def _trial(options: TryOptions, empty: Catalog, keep: KeepList) -> Trial:
    """Raises RuleError."""
    catalog = empty if options.segments is None else _catalog(empty, options.segments, keep)
    catalog = catalog.put(TRIED, SegmentDefinition(name=TRIED, rule=options.rule), keep)
    zone = TimeZones.parse(options.time_zones).default if options.zone is None else zone_named(options.zone)
    if zone is None:
        raise BadOption(f"--zone: {options.zone!r} is no time zone; write one such as Europe/Paris")
    return Trial(catalog, TRIED, keep, zone, dict(map(_pair, options.request)))


def _catalog(empty: Catalog, path: Path, keep: KeepList) -> Catalog:
    try:
        return empty.put_all(read_definitions(path), keep)
    except BadRule as error:
        raise BadOption(f"{path}: {error}") from None


def _notes(catalog: Catalog) -> Iterator[str]:
    """Of each model that is named and says nothing, why."""
    for model in dict.fromkeys(model for part in catalog.with_parts([TRIED]) for model in part.segment.models):
        if model not in catalog.registry.trained:
            yield f"the model {model} says nothing: --trained names no folder with a snapshot of it as it is now"


def _complain(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True, style="yellow")


def _pair(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise BadOption(f"--request: expected path=value, such as device.type=mobile, found {text!r}")
    return path, value


def _at_ms(text: str | None, now_ms: int, recorded: Recorded) -> int:
    if text is None:
        return recorded.latest_ms
    if text == NOW:
        return now_ms
    try:
        at_ms = int(text) if text.isdecimal() else date_time_ms(text)
    except ValueError as error:
        raise BadOption(f"--at: {error}, or {NOW}") from None
    if not 0 <= at_ms <= MAX_TS_MS:
        raise BadOption("--at: not in the years 1970 to 9999")
    return at_ms


def _tried(trial: Trial, recorded: Recorded, at_ms: int) -> Tried:
    """The users of whom something was known by then; first those who are in, then those who ever were."""
    found = ((user, timeline(trial, facts, at_ms)) for user, facts in recorded.users.items())
    known = [(user, line) for user, line in found if line is not None]
    return Tried(at_ms, dict(sorted(known, key=lambda each: (not each[1].holds, not each[1].moments))))
