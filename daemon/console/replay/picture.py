"""The picture of a replay as numbers for inline SVG: scores against time, and what was told in two rows below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.console.replay.comparison import Compared
from daemon.core.incidents import ReplayedIncident

WIDTH, HEIGHT = 720, 160
COLUMNS = 240
SCORES_HIGH = 112
_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """One incident at a time it was told: `row` 0 is as it is, 1 as it would be; `word` says what becomes of it."""

    x: float
    row: int
    word: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`dots` are (x, y) of the highest score in each column; `begin` and `end` are milliseconds."""

    begin: int
    end: int
    dots: Sequence[tuple[float, float]]
    marks: Sequence[Mark]


def picture(compared: Compared) -> Picture | None:
    """Return the picture, None where there is neither a score nor an incident."""
    scores = compared.before.scores or compared.after.scores
    times = [time for time, _ in scores]
    times += [time for change in compared.changes for told in (change.before, change.after) for time in _times(told)]
    if not times:
        return None
    begin, end = min(times), max(times)
    span, wide = max(end - begin, 1e-6), WIDTH - 2 * _MARGIN
    highest: dict[int, float] = {}
    for time, score in scores:
        column = min(int(COLUMNS * (time - begin) / span), COLUMNS - 1)
        highest[column] = max(highest.get(column, 0.0), score)
    top = max(highest.values(), default=0.0) or 1.0
    dots = [
        (
            round(_MARGIN + wide * (column + 0.5) / COLUMNS, 1),
            round(_MARGIN + (SCORES_HIGH - 2 * _MARGIN) * (1 - min(max(score / top, 0.0), 1.0)), 1),
        )
        for column, score in sorted(highest.items())
    ]
    marks = {
        Mark(round(_MARGIN + wide * round((time - begin) / span * COLUMNS) / COLUMNS, 1), row, change.word)
        for change in compared.changes
        for row, told in enumerate((change.before, change.after))
        for time in _times(told)
    }
    return Picture(
        round(begin * 1000), round(end * 1000), dots, sorted(marks, key=lambda mark: (mark.row, mark.x, mark.word))
    )


def _times(told: ReplayedIncident | None) -> Sequence[float]:
    return told.at if told is not None else ()
