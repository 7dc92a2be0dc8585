"""Tables in colours: numbers that are large stand out."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from services.model_tools.report.drawing import ACCENT, AGAINST, TEXT
from services.model_tools.report.look import Matrix

_STRONGEST = 0.85


def heat(
    values: Matrix,
    rows: Sequence[str],
    columns: Sequence[str],
    full: float,
    written: Callable[[float], str],
    axes: Axes,
) -> None:
    """By row and column: from no colour at 0 to the full colour at `full`; below 0 in another one. NaN stays empty."""
    strength = np.clip(np.nan_to_num(np.abs(values)) / full, 0, 1) * _STRONGEST
    colours = np.where((values < 0)[..., None], to_rgb(AGAINST), to_rgb(ACCENT))
    axes.imshow(np.concatenate([colours, strength[..., None]], axis=2), aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            axes.text(column, row, written(value), ha="center", va="center", color=TEXT, size=9)


def tilted(axes: Axes) -> None:
    """Room for long names of columns."""
    axes.tick_params(axis="x", rotation=35)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
