"""The memory formula of docs/memory.md against what baselines take: its terms for patterns, over several shapes.

    python -m benchmarks.formula [--patterns 20000] [--only 3]

Each shape is restored from records, or learned by judging, in a process of its own, and a session of each scope builds
its index where it has one. Measured is what the second half of the scopes adds to the resident set after freed memory
was given back to the system: what a process needs once, and what restoring leaves behind, is in the first half too.
Computed is `of_scope`. The account is what the process itself says (the metric `strayline_baseline_memory_bytes`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from benchmarks.cold import MODEL, records
from benchmarks.memory import APPLIED_AT_ONCE, SECOND, SOURCE, Cost, cost, resident, sessions
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.types import Pattern, Vector
from daemon.runtime.cold_scopes import give_back

KIB = 1024
EXACT_CELLS = 1 << 19
RING = 4096
USED_LAST = 256
"""Scopes that are never packed, however few patterns they have."""
COMMITTED = 256
"""Sessions after which a learning process commits."""
SHORT, LONG, AGAIN = 33, 70, 6
"""Bytes of own lines of `sessions`, and of what every further pair of them has more."""


class Shape(NamedTuple):
    """How many patterns a scope has, of how many lines, of which so many are a pattern's own; and dimensions.

    Where they are `worded`, own lines have words of their own. `learned` patterns also have findings.
    """

    patterns: int
    lines: int = 10
    own: int = 2
    dimensions: int = 384
    worded: bool = False
    learned: bool = False

    @property
    def length(self) -> int:
        """Bytes of an own line, on average."""
        return (LONG if self.worded else SHORT) + 2 * ((self.own - 1) // 2) * AGAIN // max(self.own, 1)


SHAPES = (
    Shape(100),
    Shape(1000),
    Shape(1300),
    Shape(2000),
    Shape(5000),
    Shape(1000, lines=20),
    Shape(1000, own=6),
    Shape(1000, lines=20, own=20, worded=True),
    Shape(1000, dimensions=1024),
    Shape(100, learned=True),
    Shape(1000, learned=True),
    Shape(5000, learned=True),
)


def of_scope(shape: Shape) -> float:
    """Return the bytes that a scope in use takes, by the formula."""
    indexed = shape.patterns * shape.dimensions > EXACT_CELLS
    vector = 3 * shape.dimensions + 180 if indexed else 4 * shape.dimensions
    own = KIB * (0.17 + 0.15 * shape.worded) + shape.length
    findings = 0.28 * KIB * min(shape.patterns, RING) if shape.learned else 0
    return 40 * KIB + shape.patterns * (0.4 * KIB + 26 * shape.lines + own * shape.own + vector) + findings


def measured(shape: Shape, scopes: int) -> Cost:
    """Return what so many scopes cost, without what the first one loads."""
    made(Shape(2), 1)
    give_back()
    before = resident()
    detector = made(shape, scopes)
    give_back()
    return cost(detector, before, 0.0)


def made(shape: Shape, scopes: int) -> Detector:
    """Return a detector that has restored or learned so many scopes, and has searched in each."""
    detector = Detector(DetectorSettings(max_patterns=10**7), MODEL, shape.dimensions)
    whole = scopes * shape.patterns

    def patterns() -> Iterator[tuple[Pattern, Vector]]:
        return sessions(whole, scopes, shape.dimensions, shape.lines, shape.own, worded=shape.worded)

    if not shape.learned:
        rows = records(patterns())
        while some := list(islice(rows, APPLIED_AT_ONCE)):
            detector.apply(some, restoring=True)
    for number, (pattern, vector) in enumerate(islice(patterns(), None if shape.learned else scopes)):
        detector.judge(pattern, vector, end=(whole + number) * SECOND, source=SOURCE)
        if number % COMMITTED == 0:
            detector.apply(detector.updates(SOURCE))
    detector.apply(detector.updates(SOURCE))
    return detector


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patterns", type=int, default=20_000)
    parser.add_argument("--only", type=int, help="the number of one shape, from 1")
    options = parser.parse_args()
    print("patterns lines  own dimensions   KiB a pattern: measured computed account   computed is off by")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for shape in SHAPES if options.only is None else SHAPES[options.only - 1 : options.only]:
            scopes = min(max(1, options.patterns // shape.patterns), USED_LAST // 2)
            half, both = (pool.apply(measured, (shape, count)) for count in (scopes, 2 * scopes))
            whole = KIB * scopes * shape.patterns
            grown, account = (both.grown - half.grown) / whole, (both.account - half.account) / whole
            computed = of_scope(shape) * scopes / whole
            kind = " ".join(name for name in ("worded", "learned") if getattr(shape, name))
            print(
                f"{shape.patterns:8} {shape.lines:5} {shape.own:4} {shape.dimensions:10} {grown:24.2f} "
                f"{computed:8.2f} {account:7.2f}   {computed / grown - 1:+.0%} {kind}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
