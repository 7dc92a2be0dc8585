"""What `tranche rules try` shows: for each user a picture and the exact intervals; the same as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from services.rule_tools.moments import shown_duration, shown_moment
from services.rule_tools.picture import LEGEND, picture
from services.rule_tools.timeline import Span, Timeline

MAX_USERS = 20
MAX_SPANS = 20


@dataclass(frozen=True, slots=True)
class Tried:
    """The timelines of users by space and user id, up to one moment."""

    at_ms: int
    timelines: Mapping[tuple[str, str], Timeline]


def show(tried: Tried, zone: tzinfo, console: Console) -> None:
    """Print a picture and the intervals of at most `MAX_USERS` users."""
    lines = tried.timelines
    holding, ever = sum(line.holds for line in lines.values()), sum(bool(line.past) for line in lines.values())
    moment = f"{shown_moment(tried.at_ms, zone)} ({zone})"
    _print(console, f"{holding:,} of {len(lines):,} users are in at {moment}; {ever:,} were before")
    _print(console, Text(LEGEND, style="dim"))
    for (space, user_id), line in list(lines.items())[:MAX_USERS]:
        name = user_id if space == "default" else f"{user_id} in {space}"
        for text in (*_heading(name, line, zone), *picture(line, zone, console.width), *_spans(line, zone)):
            _print(console, text)
    if len(lines) > MAX_USERS:
        _print(console, f"\n{len(lines) - MAX_USERS:,} more users: --user shows one of them, --json all")


def document(tried: Tried, rule: str) -> str:
    """The timelines of all users as JSON; moments in milliseconds, `until` null where no end is in sight."""
    users = [
        {
            "user_id": user_id,
            "space": space,
            "events": len(line.facts),
            "in": line.holds,
            "past": _pairs(line.past),
            "future": _pairs(line.future),
            "told_until": line.told_until_ms,
        }
        for (space, user_id), line in tried.timelines.items()
    ]
    return orjson.dumps({"rule": rule, "at": tried.at_ms, "users": users}).decode()


def _heading(name: str, line: Timeline, zone: tzinfo) -> Iterator[Text]:
    state = Text("in", style="bold green") if line.holds else Text("not in", style="bold red")
    changes_ms = [at_ms for at_ms in line.moments if at_ms > line.at_ms]
    stays = f"stays so{'' if line.told_until_ms is None else ' for a week'} if nothing else happens"
    rest = f", until {shown_moment(changes_ms[0], zone)}" if changes_ms else f", and {stays}"
    events = f"{len(line.facts):,} event{'s' * (len(line.facts) > 1)}"
    yield Text.assemble("\n", (name, "bold"), f", {events}: ", state, rest)


def _spans(line: Timeline, zone: tzinfo) -> Iterator[Text]:
    spans = line.spans
    if not spans:
        yield Text("  never in", style="dim")
    for since_ms, until_ms in spans[-MAX_SPANS:]:
        past, still = until_ms is not None and until_ms <= line.at_ms, since_ms <= line.at_ms
        verb, style = ("was in", "green") if past else ("is in", "bold green") if still else ("will be in", "cyan")
        yield Text.assemble(f"  {verb:<11}", (_span(since_ms, until_ms, zone), style))
    if len(spans) > MAX_SPANS:
        yield Text(f"  … and {len(spans) - MAX_SPANS:,} times before; --json tells all", style="dim")
    if line.told_until_ms is not None:
        yield Text("  … told for a week, for the rule asks what hour or weekday it is", style="dim")


def _span(since_ms: int, until_ms: int | None, zone: tzinfo) -> str:
    since = shown_moment(since_ms, zone)
    if until_ms is None:
        return f"{since} with no end in sight  [{since_ms}, …)"
    until = shown_moment(until_ms, zone)
    return f"{since} to {until}  {shown_duration(until_ms - since_ms)}  [{since_ms}, {until_ms})"


def _pairs(spans: list[Span]) -> list[dict[str, Any]]:
    return [{"since": since_ms, "until": until_ms} for since_ms, until_ms in spans]


def _print(console: Console, text: Text | str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
