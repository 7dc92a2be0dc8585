"""What was said beside what was true."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from services.model_tools.report.drawing import ACCENT, DIM
from services.model_tools.report.hindsights import Bin


def calibration(bins: Sequence[Bin], figure: Figure) -> None:
    """On the dashed line, as many did it as was said."""
    axes = figure.add_subplot()
    most = max(max(each.said, each.high) for each in bins) * 1.05
    axes.plot([0, most], [0, most], color=DIM, lw=1, ls=(0, (4, 3)))
    _points(bins, figure)
    axes.set(xlabel="said", ylabel="happened", xlim=(0, most), ylim=(0, most))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))


def by_percentile(bins: Sequence[Bin], figure: Figure) -> None:
    """The part of those with about the same score who are in the seed segment."""
    axes = figure.add_subplot()
    _points(bins, figure)
    axes.set(xlabel="score", ylabel="in the seed segment", xlim=(0, 1), ylim=(0, None))


def _points(bins: Sequence[Bin], figure: Figure) -> None:
    (axes,) = figure.axes
    said, rates = [each.said for each in bins], [each.rate for each in bins]
    reach = [[each.rate - each.low for each in bins], [each.high - each.rate for each in bins]]
    axes.errorbar(said, rates, yerr=reach, color=ACCENT, marker="o", ms=5, lw=1.6, elinewidth=1, capsize=2)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y")
