"""Which patterns a scope forgets: unused ones, and those that matter least where there are too many."""

from __future__ import annotations

import numpy as np

from daemon.core.baseline.labels import Labels
from daemon.core.baseline.pattern_table import PatternTable
from daemon.core.baseline.window import BUCKETS, Window


def unused(table: PatternTable, window: Window, labels: Labels) -> list[int]:
    """Return the rows of patterns without sessions and label, ascending, that were not renewed for half a window."""
    # A vector is renewed while its pattern is in use, so the weights of a recent one may still be read.
    marks = ~window.counted(len(table)) & (
        table.renewed[: len(table)] < (window.start - BUCKETS // 2) * window.bucket_us
    )
    marks[list(labels.patterns())] = False
    return [row for row in table.taken().tolist() if marks[row]]


def least(table: PatternTable, window: Window, labels: Labels, count: int) -> list[int]:
    """Return `count` rows of unlabelled patterns: least mass first, of equal mass the longest unseen."""
    unlabelled = [row for row in table.taken().tolist() if table.defined[row] and labels.get(row) is None]
    return sorted(unlabelled, key=lambda row: (table.sessions[row], window.last(row), table.name[row]))[:count]


def unwritten(table: PatternTable, window: Window, labels: Labels) -> list[int]:
    """Return the rows of defined patterns that the topic never got: without sessions and label, never renewed."""
    marks = table.defined[: len(table)] & ~window.counted(len(table)) & (table.renewed[: len(table)] == 0)
    marks[list(labels.patterns())] = False
    return [int(row) for row in np.flatnonzero(marks)]
