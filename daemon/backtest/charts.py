"""Charts as SVG text, without a library or a network. Colours are CSS classes, so that a page can be dark or light.

A `Plot` maps values to a fixed view box through two axes. Marks take values, never pixels. All text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 860, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 40
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` with labelled ticks; `log` spaces them by their logarithm."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    name: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value on the axis, 0 to 1; values outside are moved to the edge."""
        low, high = (log10(self.low), log10(self.high)) if self.log else (self.low, self.high)
        if self.log:
            value = log10(max(value, self.low))
        return min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))


def linear(low: float, high: float, name: str = "", *, suffix: str = "", steps: int = 5) -> Axis:
    """Return an axis with round ticks that covers `low` to `high`."""
    if high <= low:
        high = low + 1
    step = _round_step((high - low) / steps)
    first, last = floor(low / step), ceil(high / step)
    ticks = [(n * step, f"{n * step:,.10g}{suffix}") for n in range(first, last + 1)]
    return Axis(first * step, last * step, ticks, name)


def shares(name: str) -> Axis:
    """Return an axis for shares of any size: 0.1% to 100%, logarithmic."""
    ticks = [(0.001, "0.1%"), (0.003, "0.3%"), (0.01, "1%"), (0.03, "3%"), (0.1, "10%"), (0.3, "30%"), (1.0, "100%")]
    return Axis(0.001, 1.0, ticks, name, log=True)


def _round_step(step: float) -> float:
    power: float = 10.0 ** floor(log10(step))
    return next(nice * power for nice in (1, 2, 5, 10) if step <= nice * power * 1.0000001)


class Plot:
    """One chart. Marks are drawn in the order given, inside the axes."""

    def __init__(self, x: Axis, y: Axis, title: str, *, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._x, self._y, self._title = x, y, title
        self._width, self._height = width, height
        self._marks: list[str] = []

    def line(self, points: Iterable[Point], style: str, title: str = "") -> None:
        """Draw a line through points."""
        path = " ".join(f"{self._px(x):.1f},{self._py(y):.1f}" for x, y in points)
        if path:
            self._marks.append(f'<polyline class="{style}" points="{path}">{_tip(title)}</polyline>')

    def band(self, low: Sequence[Point], high: Sequence[Point], style: str) -> None:
        """Fill between two lines."""
        points = [*high, *reversed(low)]
        path = " ".join(f"{self._px(x):.1f},{self._py(y):.1f}" for x, y in points)
        self._marks.append(f'<polygon class="{style}" points="{path}"/>')

    def dot(self, x: float, y: float, style: str, title: str = "", radius: float = 3) -> None:
        """Draw a dot."""
        at = f'cx="{self._px(x):.1f}" cy="{self._py(y):.1f}" r="{radius}"'
        self._marks.append(f'<circle class="{style}" {at}>{_tip(title)}</circle>')

    def bar(self, low: float, high: float, value: float, style: str, title: str = "") -> None:
        """Draw a bar from the bottom up, between two values of x, with a gap of 2 to its neighbours."""
        left, right, top = self._px(low), self._px(high), self._py(value)
        width, height = max(right - left - 2, 1.0), max(self._height - BOTTOM - top, 0.0)
        at = f'x="{left + 1:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"'
        self._marks.append(f'<rect class="{style}" {at}>{_tip(title)}</rect>')

    def svg(self) -> str:
        """Return the chart."""
        head = f'<svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{escape(self._title)}">'
        return "".join([head, *self._frame(), *self._marks, "</svg>"])

    def _frame(self) -> Iterable[str]:
        bottom, right = self._height - BOTTOM, self._width - RIGHT
        for value, label in self._y.ticks:
            y = self._py(value)
            yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        for value, label in self._x.ticks:
            x = self._px(value)
            anchor = "end" if x > right - 24 else "start" if x < LEFT + 12 else "middle"
            yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{bottom + 17}" text-anchor="{anchor}">{escape(label)}</text>'
        yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        middle, low = (LEFT + right) / 2, self._height - 5
        yield f'<text class="name" x="{middle}" y="{low}" text-anchor="middle">{escape(self._x.name)}</text>'
        turn = f'transform="translate(12 {(TOP + bottom) / 2}) rotate(-90)"'
        yield f'<text class="name" {turn} text-anchor="middle">{escape(self._y.name)}</text>'

    def _px(self, x: float) -> float:
        return LEFT + self._x.at(x) * (self._width - LEFT - RIGHT)

    def _py(self, y: float) -> float:
        return self._height - BOTTOM - self._y.at(y) * (self._height - TOP - BOTTOM)


def _tip(title: str) -> str:
    return f"<title>{escape(title)}</title>" if title else ""
