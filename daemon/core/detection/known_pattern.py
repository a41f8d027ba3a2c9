"""What a scope knows of one pattern, masses aside: it is looked up once for many of the pattern's sessions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import ABSENT, NONE, Baseline, Ids, Lines, failure_score
from daemon.core.calibration import Floats
from daemon.core.generation_cache import GenerationCache
from daemon.core.types import LabelVerdict, Pattern

CONFIRMED = 0.125
"""Taken off the failure score of a line in a pattern confirmed normal: it ranks below its equals, above milder ones."""
CACHED, OF_EACH = 128, 128
"""The least number of patterns of which this is kept, and the most lines of each."""


class KnownPattern(NamedTuple):
    """What a scope knows of a pattern of n lines. For a defined one it holds until `Baseline.changes` moves.

    `row` is the pattern's in the baseline, ABSENT where it is not defined there. `numbers` (n,) are those of its lines
    in the line table, -1 for a line that no pattern of the window has: these are at the places `unknown`, and
    `has_new` says whether the wording of one of them is unknown too. `rare` are the places of lines that are not
    common, and `families` the families of these. `absent` are the numbers of the common lines that it lacks, and
    `backbone` stands for those that it has. `failures` (n,) are failure scores, and `failing` the numbers of lines with
    one above 0. `label` is a person's verdict on the pattern, or on one with the same lines.
    """

    row: int
    numbers: Ids
    unknown: NDArray[np.intp]
    has_new: bool
    rare: NDArray[np.intp]
    families: Ids
    absent: Ids
    backbone: np.uint64
    failures: Floats
    failing: list[int]
    label: LabelVerdict | None

    @classmethod
    def of(cls, baseline: Baseline, pattern: Pattern) -> KnownPattern:
        """Look up what the baseline knows of `pattern`."""
        row, table = baseline.defined(pattern.id), baseline.lines
        if row == ABSENT:
            numbers = np.array([table.find(line) for line, _ in pattern.lines], np.int64)
        else:
            numbers = baseline.numbers(row).copy()  # a view of the column would keep all of an outgrown one
        known = numbers >= 0
        rare = np.flatnonzero(~known | ~table.common[numbers])
        families = _families(baseline, pattern.lines, numbers)
        failures = failure_scores(baseline, pattern.lines, numbers)
        return cls(
            row=row,
            numbers=numbers,
            unknown=np.flatnonzero(~known),
            has_new=bool((families[~known] == NONE).any()),
            rare=rare,
            families=families[rare],
            absent=table.common_but(numbers),
            backbone=table.backbone(numbers[known]),
            failures=failures,
            failing=numbers[failures > 0].tolist(),
            label=_label(baseline, pattern, numbers),
        )


class KnownPatterns:
    """What one scope knows of the defined patterns that were looked up last."""

    def __init__(self) -> None:
        self._kept = GenerationCache[int, KnownPattern](CACHED)
        self._changes = 0

    def of(self, baseline: Baseline, pattern: Pattern) -> KnownPattern:
        """Return what `baseline` knows of `pattern`; it is the same baseline at every call."""
        if self._changes != baseline.changes:
            self._kept.clear()
            self._changes = baseline.changes
        known = self._kept.get(baseline.defined(pattern.id))
        if known is None:
            known = KnownPattern.of(baseline, pattern)
            if known.row != ABSENT and len(pattern.lines) <= OF_EACH:
                self._kept.put(known.row, known)
        return known

    def __reduce__(self) -> tuple[type[KnownPatterns], tuple[()]]:
        """A scope that is packed takes nothing of it along: what is looked up again is the same."""
        return KnownPatterns, ()

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return 1300 * len(self._kept)


def _families(baseline: Baseline, lines: Lines, numbers: Ids) -> Ids:
    """Return the family of each line, NONE where it has none."""
    table = baseline.lines
    families = table.family[numbers]
    for place in np.flatnonzero(numbers < 0).tolist():
        families[place] = table.families.find(lines[place][0])
    return families


def failure_scores(baseline: Baseline, lines: Lines, numbers: Ids) -> Floats:
    """Return the failure score of each line; one that is in a pattern confirmed normal ranks below its equals.

    It is not taken for harmless: what is normal in one pattern is a failure in another.
    """
    table = baseline.lines
    places = np.flatnonzero(numbers >= 0)
    known = numbers[places]
    scores = np.empty(len(numbers))
    scores[places] = np.maximum(table.failures(known) - CONFIRMED * (table.confirmed[known] > 0), 0.0)
    for place in np.flatnonzero(numbers < 0).tolist():
        scores[place] = failure_score(lines[place][0])
    return scores


def _label(baseline: Baseline, pattern: Pattern, numbers: Ids) -> LabelVerdict | None:
    row = baseline.row(pattern.id)
    label = baseline.labels.get(row) if row != ABSENT else None
    if label is not None:
        return label.verdict
    return LabelVerdict.NORMAL if baseline.labels.confirmed(numbers) else None
