"""Bars: how often the highest scores were right, and what speaks for and against."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from services.model_tools.report.drawing import ACCENT, AGAINST, DIM, TEXT


def lifts(values: Sequence[float], figure: Figure) -> None:
    """By decile, from the highest scores to the lowest."""
    axes = figure.add_subplot()
    places = range(1, len(values) + 1)
    drawn = axes.bar(places, values, color=ACCENT, alpha=0.8, width=0.82)
    axes.bar_label(drawn, [f"{value:.1f}" if value >= 0.05 else "0" for value in values], color=TEXT, padding=2)
    axes.axhline(1, color=DIM, lw=1, ls=(0, (4, 3)))
    step = 100 // len(values)
    axes.set_xticks(places, [f"top {step} %", *(f"to {place * step} %" for place in places[1:])], size=9)
    axes.set(ylabel="times as often as among all")
    axes.margins(y=0.14)


def weights(names: Sequence[str], values: Sequence[float], figure: Figure) -> None:
    """What is above 0 speaks for it, what is below against it; the first is at the top."""
    axes = figure.add_subplot()
    places = range(len(names), 0, -1)
    axes.barh(places, values, color=[ACCENT if value >= 0 else AGAINST for value in values], alpha=0.8, height=0.7)
    axes.axvline(0, color=DIM, lw=1)
    axes.set_yticks(places, names, color=TEXT)
    axes.spines["left"].set_visible(False)
    axes.set(xlabel="← against      for →")
    axes.margins(y=0.02)
