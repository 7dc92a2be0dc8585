"""What `tranche dlq list` and `tranche dlq replay` do."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

from rich.console import Console

from services.dead_letters.box import Letter
from services.dead_letters.listing import document, table
from services.dead_letters.opening import open_box
from services.dead_letters.replay import Replay, Replayed
from services.dead_letters.selection import Selection, selected
from services.runtime.clock import now_ms
from services.runtime.event_log.opening import open_writer
from services.runtime.settings import Settings

Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class ListOptions:
    limit: int
    values: bool = False
    as_json: bool = False


def list_letters(settings: Settings, selection: Selection, options: ListOptions, console: Console) -> None:
    """Print the oldest letters that are selected. Raises LogUnavailable and REDIS_ERRORS."""
    letters, more = asyncio.run(_oldest(settings, selection, options.limit))
    if options.as_json:
        for letter in letters:
            console.out(document(letter, values=options.values), highlight=False)
        return
    if letters:
        console.print(table(letters, values=options.values))
    else:
        console.print("No dead letters.")
    if more:
        console.print(f"There are more than these {options.limit:,}: --limit shows them.", highlight=False)


def replay_letters(settings: Settings, selection: Selection, confirm: Confirm, console: Console) -> int:
    """Replay the letters that are selected, if `confirm` agrees; the exit code. Raises as `list_letters` does."""
    letters = asyncio.run(_count(settings, selection))
    if not letters:
        console.print("No dead letters there.")
        return 1
    if not confirm(f"Append {_counted(letters)} to the event log again?"):
        return 1
    asyncio.run(_replay(settings, selection, console))
    return 0


async def _oldest(settings: Settings, selection: Selection, limit: int) -> tuple[list[Letter], bool]:
    """At most `limit` letters, and whether there are more."""
    letters: list[Letter] = []
    async with open_box(settings) as box, aclosing(selected(box, selection)) as found:
        async for letter in found:
            if len(letters) == limit:
                return letters, True
            letters.append(letter)
    return letters, False


async def _count(settings: Settings, selection: Selection) -> int:
    async with open_box(settings) as box:
        return sum([1 async for _ in selected(box, selection)])


async def _replay(settings: Settings, selection: Selection, console: Console) -> None:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(open_box(settings))
        writer = await open_writer(settings)
        stack.push_async_callback(writer.close)
        replay = Replay(box, writer, settings.partitions, now_ms)
        stack.callback(_tell, replay.done, console)
        await replay.run(selection)


def _tell(done: Replayed, console: Console) -> None:
    console.print(f"Replayed {_counted(done.letters)}.", highlight=False)
    if done.unreadable:
        aside = f"{_counted(done.unreadable)} cannot be read by this version either: workers put such aside again."
        console.print(aside, highlight=False)


def _counted(letters: int) -> str:
    return f"{letters:,} dead letter{'s' * (letters != 1)}"
