"""The states of partitions as a table."""

from collections.abc import Iterable

from rich.table import Table

from services.stream_worker.repair.state import PartitionState


def table(states: Iterable[PartitionState]) -> Table:
    shown = Table("partition", "watermark", "log begins", "log ends", "missing", "state")
    for state in states:
        watermark = "" if state.watermark is None else str(state.watermark)
        numbers = (str(state.partition), watermark, str(state.begin), str(state.end), str(state.missing or ""))
        shown.add_row(*numbers, state.why or _how_far(state), style="bold red" if state.why else None)
    for column in shown.columns[:5]:
        column.justify = "right"
    return shown


def _how_far(state: PartitionState) -> str:
    behind = state.end - (state.watermark or 0)
    return f"{behind} behind" if behind else "all is applied"
