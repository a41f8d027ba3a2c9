"""A backtest's charts: scores and clues over time, blocks, calibration, precision and recall.

A chart has at most a few thousand marks, however many sessions there are: lines are drawn by bins, and only the
strangest sessions have dots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from daemon.backtest.charts import Axis, Plot, linear, shares
from daemon.backtest.evaluation import Bools, Floats, curve
from daemon.backtest.report import OURS, Report
from daemon.backtest.tally import Tally
from daemon.core.positions import Positions
from daemon.core.text import p_value

BINS = 400
MAX_DOTS = 1500
SLACK = 1.5
"""Shares within this factor of the p-value are as they should be."""
_SECOND = 1_000_000
_UNITS = tuple(
    (seconds * _SECOND, name)
    for seconds, name in ((1, "second"), (10, "10 s"), (60, "minute"), (600, "10 min"), (3600, "hour"), (86_400, "day"))
)
_TICKS = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 2 * 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)


def score_chart(tally: Tally) -> str:
    """Return scores over time: the range and the median of every bin, and the alerts as dots."""
    scores, flagged = tally.scores, tally.flagged
    at, axis = _time(tally.ends)
    plot = Plot(axis, linear(min(0.0, float(scores.min())), float(scores.max()), "score"), "Score over time")
    low, middle, high = _binned(at, scores, axis)
    plot.band(low, high, "range")
    plot.line(middle, "median")
    known = tally.labelled
    labelled = bool(known.any())
    missed = tally.anomalous & ~flagged
    for place in _strangest(missed, scores):
        plot.dot(at[place], scores[place], "missed", f"missed, score {scores[place]:.2f}")
    for place in reversed(_strangest(flagged, scores)):
        style = "alert" if not labelled or tally.anomalous[place] else "false" if known[place] else "unknown"
        title = f"{_stamp(int(tally.ends[place]))} score {scores[place]:.2f}, {p_value(float(tally.p_values[place]))}"
        plot.dot(at[place], scores[place], style, title)
    return plot.svg()


def clues_chart(tally: Tally) -> tuple[str, str]:
    """Return (unit, chart) of sessions with a clue by day, or by a shorter unit when the run spans less."""
    ends, flagged = tally.ends, tally.flagged
    span = int(ends.max() - ends.min())
    width, unit = next(((w, n) for w, n in _UNITS if span / w <= 90), _UNITS[-1])
    bins = ends // width
    first, last = int(bins.min()), int(bins.max())
    sessions = np.bincount(bins - first, minlength=last - first + 1)
    clues = np.bincount(bins[flagged] - first, minlength=last - first + 1)
    x = Axis(first * width, (last + 1) * width, _time_ticks(first * width, (last + 1) * width), f"by {unit}")
    plot = Plot(x, linear(0, float(max(clues.max(), 1)), "sessions"), "Sessions with a clue over time", height=200)
    for number in np.flatnonzero(clues):
        low = (first + int(number)) * width
        title = f"{_stamp(low)}: {clues[number]:,} of {sessions[number]:,} sessions"
        plot.bar(low, low + width, float(clues[number]), "bar", title)
    return unit, plot.svg()


def blocks_chart(report: Report, block: int = 1000) -> str:
    """Return the share of sessions with a clue of every block of live sessions."""
    shares_ = report.rate.blocks
    top = max([*shares_, 0.001])
    count = len(shares_)
    step = max(1, count // 10)
    ticks = [(n + 0.5, f"{(n + 1) * block:,}") for n in range(0, count, step)]
    plot = Plot(Axis(0, count, ticks, "live sessions"), linear(0, 100 * top, suffix="%"), "With a clue", height=200)
    for number, value in enumerate(shares_):
        plot.bar(number, number + 1, 100 * value, "bar", f"{100 * value:.2f}%")
    return plot.svg()


def calibration_chart(report: Report) -> str:
    """Return the share of sessions up to every p-value; calibrated p-values lie on the diagonal."""
    plot = Plot(shares("p-value"), shares("share of sessions"), "Calibration", width=420, height=320)
    ends = (0.001, 1.0)
    plot.band([(x, x / SLACK) for x in ends], [(x, x * SLACK) for x in ends], "range")
    plot.line([(x, x) for x in ends], "slack")
    plot.line([(budget, share) for budget, share in report.calibration if share > 0], "ours")
    return plot.svg()


def precision_recall_chart(tally: Tally) -> str:
    """Return precision against recall on the labelled sessions, ours drawn over the trivial scores."""
    known = tally.labelled
    truth = tally.anomalous[known]
    plot = Plot(
        linear(0, 1, "recall (share of the anomalous found)"),
        linear(0, 1, "precision"),
        "Precision and recall",
        width=420,
        height=320,
    )
    for place, name in enumerate(tally.names):
        plot.line(_curve(truth, tally.other(place)[0][known]), f"other other{place}", name)
    plot.line(_curve(truth, tally.scores[known]), "ours", OURS)
    return plot.svg()


def _curve(truth: Bools, scores: Floats) -> list[tuple[float, float]]:
    points = curve(truth, scores)
    keep = np.unique(np.linspace(0, points.recall.size - 1, 300).astype(np.int64))
    return [(float(points.recall[n]), float(points.precision[n])) for n in keep]


def _time(ends: Positions) -> tuple[Floats, Axis]:
    """Return each session's place on a time axis; where all times are equal, on an axis of their numbers."""
    low, high = int(ends.min()), int(ends.max())
    if high > low:
        return ends.astype(np.float64), Axis(low, high, _time_ticks(low, high))
    return np.arange(ends.size, dtype=np.float64), linear(0, ends.size, "sessions")


def _time_ticks(low: int, high: int) -> list[tuple[float, str]]:
    step = next((s for s in _TICKS if (high - low) / (s * _SECOND) <= 9), _TICKS[-1]) * _SECOND
    first = -(-low // step)
    style = "%Y-%m-%d" if step >= 86_400 * _SECOND else "%H:%M" if step >= 60 * _SECOND else "%H:%M:%S"
    ticks = [(float(n * step), _stamp(n * step, style)) for n in range(first, high // step + 1)]
    if ticks and "%Y" not in style:
        ticks[0] = (ticks[0][0], _stamp(int(ticks[0][0]), f"%Y-%m-%d {style}"))
    return ticks


def _stamp(time: int, style: str = "%Y-%m-%d %H:%M:%S") -> str:
    seconds = min(max(time // _SECOND, -62_000_000_000), 253_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime(style)


def _binned(at: Floats, values: Floats, axis: Axis) -> tuple[list[tuple[float, float]], ...]:
    """Return (low, median, high) points of the bins that are not empty."""
    width = (axis.high - axis.low) / BINS or 1.0
    bins = np.minimum(((at - axis.low) / width).astype(np.int64), BINS - 1)
    order = np.argsort(bins, kind="stable")
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    groups: Sequence[Floats] = np.split(values[order], starts[1:])
    places = [axis.low + (int(n) + 0.5) * width for n in bins[order][starts]]
    low, middle, high = [
        [(x, float(pick(group))) for x, group in zip(places, groups, strict=True)]
        for pick in (np.min, np.median, np.max)
    ]
    return low, middle, high


def _strangest(chosen: Bools, scores: Floats) -> list[int]:
    """Return the places of at most `MAX_DOTS` chosen sessions, the greatest score first."""
    places = np.flatnonzero(chosen)
    order = np.argsort(-scores[places], kind="stable")[:MAX_DOTS]
    return [int(place) for place in places[order]]
