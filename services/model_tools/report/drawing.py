"""How pictures are drawn: their colours and lines, as SVG within the page and as PNG.

Within the page, texts and lines take the page's colours, so that they are readable on light and on dark ground.
"""

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from services.model_tools.report.parts import Picture

TEXT, DIM, RULE, BACK = "#1c2129", "#5a6471", "#d9dee5", "#fffffe"
"""Colours that nothing else has, so that they can be found in an SVG."""
_OF_THE_PAGE = {TEXT: "var(--text)", DIM: "var(--dim)", RULE: "var(--rule)", BACK: "var(--card)"}
ACCENT, AGAINST = "#2f7ed8", "#d1495b"
PALETTE = (
    *("#4878cf", "#ee854a", "#4fae5b", "#d65f5f", "#956cb4", "#a8786e", "#dc7ec0", "#8c9a2b", "#31a5b5", "#c9a227"),
    *("#7f8fa6", "#2d6a8f", "#b5541c", "#2f7d4f", "#8f2d56", "#5b4b8a", "#6d5a3f", "#b06fb8", "#5f6f1f", "#1f7a86"),
)
PNG_DPI = 160
_RASTER_DPI = 200
_STYLE: dict[Any, Any] = {
    "date.converter": "concise",
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": TEXT,
    "axes.edgecolor": RULE,
    "axes.labelcolor": DIM,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": DIM,
    "ytick.color": DIM,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def as_svg(picture: Picture) -> str:
    """An `svg` element; the same picture gives the same text."""
    data = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": picture.name}):
        _drawn(picture).savefig(data, format="svg", transparent=True, dpi=_RASTER_DPI, metadata={"Date": None})
    text = data.getvalue()
    for colour, variable in _OF_THE_PAGE.items():
        text = text.replace(colour, variable)
    return text[text.index("<svg") :]


def as_png(picture: Picture) -> bytes:
    data = io.BytesIO()
    with rc_context(_STYLE):
        drawn = _drawn(picture)
        drawn.suptitle(picture.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        drawn.savefig(data, format="png", facecolor="white", dpi=PNG_DPI, metadata={"Software": None})
    return data.getvalue()


def colour_of(number: int) -> str:
    """That of a group by its number, from 1 on; it stays while there are fewer groups than colours."""
    return PALETTE[(number - 1) % len(PALETTE)]


def _drawn(picture: Picture) -> Figure:
    drawn = Figure(figsize=(picture.width, picture.height))
    picture.draw(drawn)
    return drawn
