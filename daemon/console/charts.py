"""Small pictures as numbers for inline SVG; the templates draw them, so nothing here is markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SPARK_WIDTH, SPARK_HEIGHT = 96, 22
TIMELINE_WIDTH, TIMELINE_HEIGHT = 720, 120
_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Dot:
    """One alert of a timeline, in pixels, with the index of its row."""

    x: float
    y: float
    row: int


def spark(counts: Sequence[int], wide: int = SPARK_WIDTH, high: int = SPARK_HEIGHT) -> list[Bar]:
    """Return bars whose heights are the counts, in a picture of `wide` by `high` pixels; empty buckets have none."""
    largest = max(counts, default=0)
    if not largest:
        return []
    width = wide / len(counts)
    heights = [max(high * count / largest, 2.0) if count else 0.0 for count in counts]
    return [
        Bar(round(at * width, 2), round(high - height, 2), round(width - 0.8, 2), round(height, 2))
        for at, height in enumerate(heights)
        if height
    ]


def spark_path(counts: Sequence[int]) -> str:
    """Return the bars of `spark` as an SVG path of upright strokes, which is a fifth as long."""
    return "".join(f"M{bar.x + bar.width / 2:.1f} {SPARK_HEIGHT}V{bar.y:.0f}" for bar in spark(counts))


def timeline(points: Sequence[tuple[int, float | None]]) -> list[Dot]:
    """Return a dot for each (time, score). Height is the score; without one, the dot is at the bottom."""
    if not points:
        return []
    first, last = min(time for time, _ in points), max(time for time, _ in points)
    top = max((score for _, score in points if score is not None), default=0.0) or 1.0
    width, height = TIMELINE_WIDTH - 2 * _MARGIN, TIMELINE_HEIGHT - 2 * _MARGIN
    return [
        Dot(
            round(_MARGIN + width * ((time - first) / (last - first) if last > first else 0.5), 1),
            round(_MARGIN + height * (1 - min(max((score or 0.0) / top, 0.0), 1.0)), 1),
            row,
        )
        for row, (time, score) in enumerate(points)
    ]
