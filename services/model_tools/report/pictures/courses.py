"""How something went over time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from services.model_tools.report.drawing import BACK


def shares(
    moments_ms: Sequence[int], by_group: Mapping[str, Sequence[float]], colours: Mapping[str, str], figure: Figure
) -> None:
    """Groups on top of each other, as parts of all users at each moment, of which there are two or more."""
    axes = figure.add_subplot()
    moments: list[Any] = [datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in moments_ms]
    heights = list(by_group.values())
    axes.stackplot(moments, heights, colors=[colours[group] for group in by_group], alpha=0.75, edgecolor=BACK, lw=0.8)
    below = 0.0
    for group, height in zip(by_group, heights, strict=True):
        if height[-1] >= 0.02:
            axes.annotate(
                group, (moments[-1], below + height[-1] / 2), (6, 0), textcoords="offset points", va="center",
                color=colours[group], weight="bold", annotation_clip=False,
            )  # fmt: skip
        below += height[-1]
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0))
    axes.set(xlim=(moments[0], moments[-1]), ylim=(0, 1))
