"""The memory formula of docs/memory.md against what baselines take: its terms for patterns, over several shapes.

    python -m benchmarks.formula [--patterns 20000]

Each shape is restored from records in a process of its own, and a session of each scope builds its index where it has
one. Measured is the growth of the resident set after freed memory was given back to the system, computed is `of_scope`.
The account is what the process itself says (the metric `strayline_baseline_memory_bytes`).
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from benchmarks.cold import MODEL, records
from benchmarks.memory import APPLIED_AT_ONCE, SECOND, SOURCE, Cost, cost, resident, sessions
from daemon.core.detection import Detector, DetectorSettings
from daemon.runtime.cold_scopes import give_back

KIB = 1024
EXACT_CELLS = 1 << 19


class Shape(NamedTuple):
    """How many patterns a scope has, of how many lines, of which so many are a pattern's own; and dimensions."""

    patterns: int
    lines: int = 10
    own: int = 2
    dimensions: int = 384


SHAPES = (
    Shape(100),
    Shape(1000),
    Shape(1300),
    Shape(2000),
    Shape(5000),
    Shape(1000, lines=20),
    Shape(1000, own=6),
    Shape(1000, dimensions=1024),
)


def of_scope(shape: Shape) -> float:
    """Return the bytes that a scope in use takes, by the formula."""
    rows = 1 << (shape.patterns - 1).bit_length()
    indexed = shape.patterns * shape.dimensions > EXACT_CELLS
    vector = 3 * shape.dimensions + 180 if indexed else 4 * shape.dimensions
    table = KIB * (0.1 + 0.05 * shape.own) + 20 * shape.lines
    return 40 * KIB + shape.patterns * (KIB * (0.76 + 0.22 * shape.own) + vector) + rows * table


def measured(shape: Shape, scopes: int) -> Cost:
    """Return what so many scopes cost, without what the first one loads."""
    restored(Shape(2), 1)
    give_back()
    before = resident()
    detector = restored(shape, scopes)
    give_back()
    return cost(detector, before, 0.0)


def restored(shape: Shape, scopes: int) -> Detector:
    """Return a detector that has restored so many scopes, and has searched in each."""
    detector = Detector(DetectorSettings(max_patterns=10**7), MODEL, shape.dimensions)
    whole = scopes * shape.patterns
    rows = records(whole, scopes, shape.dimensions, shape.lines, shape.own)
    while some := list(islice(rows, APPLIED_AT_ONCE)):
        detector.apply(some, restoring=True)
    for pattern, vector in islice(sessions(whole, scopes, shape.dimensions, shape.lines, shape.own), scopes):
        detector.judge(pattern, vector, end=whole * SECOND, source=SOURCE)
    return detector


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patterns", type=int, default=20_000)
    options = parser.parse_args()
    print("patterns lines  own dimensions   KiB a pattern: measured computed account   computed is off by")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for shape in SHAPES:
            scopes = max(1, options.patterns // shape.patterns)
            spent = pool.apply(measured, (shape, scopes))
            whole = KIB * scopes * shape.patterns
            grown, account = spent.grown / whole, spent.account / whole
            computed = of_scope(shape) * scopes / whole
            print(
                f"{shape.patterns:8} {shape.lines:5} {shape.own:4} {shape.dimensions:10} {grown:24.2f} "
                f"{computed:8.2f} {account:7.2f}   {computed / grown - 1:+.0%}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
