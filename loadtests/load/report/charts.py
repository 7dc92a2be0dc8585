"""Line charts as inline SVG: no script, no file beside the page. Colours come from the page's style."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from loadtests.load.report.scales import Scale, linear, logarithmic, written

WIDTH, HEIGHT = 600, 210
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 26
LEAST_LOG = 0.1
Point = tuple[float, float | None]


@dataclass(frozen=True)
class Line:
    """`colour` is a class of the style. None interrupts it."""

    label: str
    colour: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Chart:
    """Values over seconds. `limit` is drawn across, where there is one."""

    title: str
    unit: str
    lines: Sequence[Line]
    is_log: bool = False
    limit: float | None = None


def figure(chart: Chart) -> str:
    """The chart with its title and legend; nothing where there is nothing to show."""
    values = [value for line in chart.lines for _, value in line.points if value is not None]
    if not values:
        return ""
    legend = "".join(f'<span class="key {line.colour}">{escape(line.label)}</span>' for line in chart.lines)
    if chart.limit is not None:
        legend += f'<span class="key limit">limit of p99: {written(chart.limit)} {escape(chart.unit)}</span>'
    head = f"<figcaption><b>{escape(chart.title)}</b> <small>{escape(chart.unit)}</small>{legend}</figcaption>"
    return f"<figure>{head}{_svg(chart, values)}</figure>"


def _svg(chart: Chart, values: Sequence[float]) -> str:
    times = [at_s for line in chart.lines for at_s, _ in line.points]
    x = linear(min(times), max(times), 8)
    most = max([*values, chart.limit or 0.0])
    y = logarithmic(max(LEAST_LOG, min(values)), max(most, 1.0)) if chart.is_log else linear(0, max(most, 1e-9))
    parts = [
        _warm_up(x, min(times)),
        _grid(x, y, min(times)),
        _limit(chart, y),
        *(_path(line, x, y) for line in chart.lines),
    ]
    label = escape(f"{chart.title}, {chart.unit}, over seconds")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}{_hover(chart, x)}</svg>'
    )


def _across(x: Scale, at_s: float) -> float:
    return LEFT + x.place(at_s) * (WIDTH - LEFT - RIGHT)


def _down(y: Scale, value: float) -> float:
    return TOP + (1 - y.place(value)) * (HEIGHT - TOP - BOTTOM)


def _grid(x: Scale, y: Scale, least_s: float) -> str:
    rows = "".join(
        f'<path class="grid" d="M{LEFT} {_down(y, tick):.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="side" x="{LEFT - 6}" y="{_down(y, tick) + 4:.1f}">{written(tick)}</text>'
        for tick in y.ticks
    )
    columns = "".join(
        f'<text class="foot" x="{_across(x, tick):.1f}" y="{HEIGHT - 8}">{written(tick)} s</text>'
        for tick in x.ticks
        if least_s <= tick and _across(x, tick) < WIDTH - RIGHT - 10
    )
    return rows + columns


def _warm_up(x: Scale, least_s: float) -> str:
    if least_s >= 0:
        return ""
    left, right = _across(x, least_s), _across(x, 0)
    return (
        f'<rect class="warm" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}">'
        "<title>warm-up, does not count</title></rect>"
    )


def _limit(chart: Chart, y: Scale) -> str:
    if chart.limit is None:
        return ""
    return f'<path class="line limit" d="M{LEFT} {_down(y, chart.limit):.1f}H{WIDTH - RIGHT}"/>'


def _path(line: Line, x: Scale, y: Scale) -> str:
    steps, pen = [], "M"
    for at_s, value in line.points:
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{_across(x, at_s):.1f} {_down(y, value):.1f}")
        pen = "L"
    ends = "h0.01" if len(steps) == 1 else ""
    return f'<path class="line {line.colour}" d="{"".join(steps)}{ends}"/>'


def _hover(chart: Chart, x: Scale) -> str:
    """Invisible strips whose tooltips tell the values."""
    told: dict[float, list[str]] = {}
    for line in chart.lines:
        for at_s, value in line.points:
            if value is not None:
                told.setdefault(at_s, []).append(f"{line.label} {written(value)} {chart.unit}")
    width = (WIDTH - LEFT - RIGHT) / max(1, len(told))
    return "".join(
        f'<rect class="strip" x="{_across(x, at_s) - width / 2:.1f}" y="{TOP}" width="{width:.1f}" '
        f'height="{HEIGHT - TOP - BOTTOM}"><title>{escape(f"{at_s:g} s: " + ", ".join(lines))}</title></rect>'
        for at_s, lines in told.items()
    )
