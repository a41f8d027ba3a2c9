"""A baseline as arrays, for a file that makes a restart quick.

What is saved is what the records of the baseline's topic say: patterns with their lines and vectors, sessions and
labels. All that follows from it is computed again, so that a baseline that was saved and loaded is the one that a
replica has which read the same records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part
from daemon.core.baseline.baseline import Baseline


def baseline_to_arrays(baseline: Baseline) -> Arrays:
    """Return copies of all that `baseline` holds, as arrays by name."""
    patterns = len(baseline.patterns)
    return {
        **nested("patterns", baseline.patterns.save()),
        **nested("contents", baseline.contents.save(patterns)),
        **nested("lines", baseline.lines.save()),
        **nested("window", baseline.window.save(patterns)),
        **nested("labels", baseline.labels.save()),
        **nested("vectors", baseline.neighbours.vectors.save()),
    }


def fill_baseline(baseline: Baseline, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give an empty baseline what `baseline_to_arrays` returned; masses are counted by `Baseline.count_anew`.

    Raises ValueError, LookupError or TypeError where the arrays are not of this shape.
    """
    baseline.patterns.load(part("patterns", arrays))
    baseline.contents.load(part("contents", arrays))
    patterns, numbers, _ = baseline.contents.cells()
    baseline.lines.load(part("lines", arrays), numbers, patterns)
    baseline.window.load(part("window", arrays))
    baseline.labels.load(part("labels", arrays))
    for row in baseline.labels.patterns():
        if baseline.patterns.defined.item(row):
            baseline.labels.heed(row, baseline.numbers(row), 1)
    baseline.neighbours.load(part("vectors", arrays))
